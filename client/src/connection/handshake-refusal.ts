import { failure, type ClientError } from '../errors.ts';
import type { Refusal } from '../ports.ts';
import { PAUSE_MS } from './reconnect-policy.ts';
import type { ConnectionScope } from './scopes.ts';
import type { Tokens } from './tokens.ts';

export interface FailedHandshake {
  readonly url: string;
  /** The token that the client sent. */
  readonly token: string;
  readonly tokens: Tokens;
  /** The server accepted the client before, at this address. */
  readonly wasIn: boolean;
  /** The attempt that failed. */
  readonly attempt: ConnectionScope;
}

/** Why the server refuses the client, and whether that is final. */
export interface Verdict {
  readonly why: ClientError;
  readonly isFinal: boolean;
}

/** Finds out why a handshake failed, while its attempt lasts. A page cannot read the answer to an upgrade (HS3). */
export type JudgeHandshake = (failed: FailedHandshake, done: (verdict: Verdict) => void) => void;

/** Refusals that no retry can change. */
const FINAL = new Set(['forbidden', 'origin_not_allowed']);

/**
 * Refusals that mean a wrong address. If the server accepted the client there before, they come from a proxy whose server
 * is away.
 */
const WRONG = new Set(['not_found', 'bad_request']);

/** Refusals that a server sends only after a good token. */
const SHOWN_A_GOOD_ONE = new Set(['upgrade_required', 'too_many_connections']);

/** What a refused handshake means (HS3): the reason, and whether it is final. */
export function judgeRefusal(
  refusal: Refusal | undefined,
  { url, token, tokens, wasIn }: FailedHandshake,
): Verdict {
  const { code, message, retryAfterMs } = refusal ?? { code: 'unavailable' };
  // Without the query, which may be a secret.
  const [address] = url.split('?');
  const what = refusal ? `refused us: ${message ?? code}` : 'cannot be reached';
  const why = failure(code, `${address} ${what}`, retryAfterMs);
  if (code === 'unauthorized') {
    const isFinal = !tokens.renew(token);
    // Not at once: the token source or the server may lag behind.
    return { why: isFinal ? why : { ...why, retryAfterMs: Math.max(PAUSE_MS, retryAfterMs ?? 0) }, isFinal };
  }
  if (code === 'unavailable' && retryAfterMs !== undefined) tokens.doubt(token);
  if (SHOWN_A_GOOD_ONE.has(code)) tokens.accepted();
  return { why, isFinal: FINAL.has(code) || (WRONG.has(code) && !wasIn) };
}
