import type { Verdict } from '../../src/runtime/ports/tokens.ts';
import { JoseVerifier, type VerifierOptions } from '../../src/transport/auth/jose-verifier.ts';

export const ACCEPTED = { ok: true };
export const UNDECIDED = { ok: false, isUndecided: true, message: 'the token cannot be checked right now' };
export const refused = (why: string) => ({ ok: false, message: `the token is not valid: ${why}` });

/** A verifier whose monotonic time is moved by hand. */
export function makeVerifier(options: Partial<VerifierOptions>) {
  const time = { now: 0 };
  const failures: string[] = [];
  const verifier = new JoseVerifier({
    secret: undefined,
    jwks: undefined,
    algorithms: [],
    issuer: undefined,
    audience: undefined,
    ttlMaxMs: 86_400_000,
    wall: Date.now,
    now: () => time.now,
    onKeysFailed: ({ message }) => failures.push(message),
    ...options,
  });
  const verify = (token: string): Promise<Verdict> =>
    new Promise((resolve) => verifier.verify(token, resolve));
  return { verify, time, failures };
}
