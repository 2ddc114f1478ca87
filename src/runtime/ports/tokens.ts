/** What a token that passed every check says (JW2). */
export interface Claims {
  readonly user: string;
  /** `sid`, or `jti`; undefined when the token names no session. */
  readonly session: string | undefined;
  readonly isAdmin: boolean;
  /** All that the token says, a JSON object as text of at most 16,384 UTF-16 units; undefined unless somebody wants to see it. */
  readonly payload?: string | undefined;
  /** Seconds since 1970, perhaps with a fraction. */
  readonly issuedAt: number | undefined;
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
  /** When its session was looked up, by the database's clock: milliseconds since 1970. Absent when it could not be. */
  readonly checkedAt?: number;
}

/** What came of checking a token. */
export type Verdict =
  | { readonly ok: true; readonly claims: Claims }
  | {
      readonly ok: false;
      /** For whoever sent the token; holds nothing of it. */
      readonly message: string;
      /**
       * The token is neither good nor bad: the keys to check it with cannot be had right now, or it was issued too near to
       * the moment at which its user's sessions were ended (JW5). It may be sent again.
       */
      readonly isUndecided?: true;
      /** In how many milliseconds it may be asked again, if that is known. */
      readonly retryAfterMs?: number;
    };

/** Checks a token: signature, algorithm, times, issuer, audience, subject. Never throws, and always answers. */
export interface TokenVerifier {
  verify(token: string, done: (verdict: Verdict) => void): void;
}
