/** What a token that passed every check says (JW2). */
export interface Claims {
  readonly user: string;
  /** `sid`, or `jti`; undefined when the token names no session. */
  readonly session: string | undefined;
  readonly isAdmin: boolean;
  /** Seconds since 1970. */
  readonly issuedAt: number | undefined;
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
}

export type Verdict =
  { readonly ok: true; readonly claims: Claims } | { readonly ok: false; readonly message: string };

/** Checks a token: signature, algorithm, times, issuer, audience, subject. Never throws. */
export interface TokenVerifier {
  verify(token: string, done: (verdict: Verdict) => void): void;
}
