/** The claims of a token that passed every check (JW2). */
export interface Claims {
  readonly user: string;
  /** `sid`, or else `jti`; undefined when the token names no session. */
  readonly session: string | undefined;
  readonly isAdmin: boolean;
  /** The whole payload, a JSON object as text of at most 16,384 UTF-16 units; undefined when no hook reads it. */
  readonly payload?: string | undefined;
  /** Seconds since 1970, perhaps with a fraction. */
  readonly issuedAt: number | undefined;
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
  /** When its session was looked up, by the database's clock: milliseconds since 1970. Absent when the lookup failed. */
  readonly checkedAt?: number;
}

/** The result of checking a token. */
export type Verdict =
  | { readonly ok: true; readonly claims: Claims }
  | {
      readonly ok: false;
      /** For the client that sent the token. It contains no part of the token. */
      readonly message: string;
      /**
       * The server cannot decide now: the keys are unavailable, or the token was issued too close to a revocation of its
       * user's sessions (JW5). The client may send it again.
       */
      readonly isUndecided?: true;
      /** Milliseconds until the client may try again, if known. */
      readonly retryAfterMs?: number;
    };

/** Checks a token: signature, algorithm, times, issuer, audience, subject. It never throws, and it always answers. */
export interface TokenVerifier {
  verify(token: string, done: (verdict: Verdict) => void): void;
}
