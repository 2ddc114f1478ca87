import type { Claims, Verdict } from '../../runtime/ports/tokens.ts';
import type { HttpRefusal } from './refusal.ts';

/** Checks a token and whether its session was ended. Calls back once, within 10 s. */
export type Authenticate = (token: string, done: (verdict: Verdict) => void) => void;

/** The token of an `Authorization: Bearer` header. */
export function bearerToken(header: string | undefined): string | undefined {
  return /^Bearer +(\S+)$/i.exec(header ?? '')?.[1];
}

/** The claims of a token, or the refusal. No other function turns a verdict into an answer. */
export function identify(
  authenticate: Authenticate,
  token: string | undefined,
): Promise<Claims | HttpRefusal> {
  if (token === undefined) return Promise.resolve(MISSING);
  return new Promise((resolve) => {
    authenticate(token, (verdict) => resolve(verdict.ok ? verdict.claims : refusalOf(verdict)));
  });
}

/** An undecided token gets no final refusal: a client that gets `unauthorized` would discard it. */
function refusalOf({ message, isUndecided, retryAfterMs }: Verdict & { ok: false }): HttpRefusal {
  return isUndecided
    ? { code: 'unavailable', message, retryAfterMs: retryAfterMs ?? KEYS_RETRY_MS }
    : { code: 'unauthorized', message };
}

const KEYS_RETRY_MS = 1_000;

const MISSING: HttpRefusal = {
  code: 'unauthorized',
  message: 'a token is required: Authorization: Bearer <jwt>',
};
