import { failure, type ClientError } from '../errors.ts';
import type { Refusal } from '../ports.ts';
import { PAUSE_MS } from './reconnect-policy.ts';
import type { ConnectionScope } from './scopes.ts';
import type { Tokens } from './tokens.ts';

export interface FailedHandshake {
  readonly url: string;
  /** What was shown. */
  readonly token: string;
  readonly tokens: Tokens;
  /** The client was let in before, at this address. */
  readonly wasIn: boolean;
  /** The attempt that failed. */
  readonly attempt: ConnectionScope;
}

/** Why the client is not let in, and whether that is the end. */
export interface Verdict {
  readonly why: ClientError;
  readonly isFinal: boolean;
}

/** Finds out why a handshake failed, as long as the attempt is not over: a page cannot read that (HS3). */
export type JudgeHandshake = (failed: FailedHandshake, done: (verdict: Verdict) => void) => void;

/** No other attempt would help. */
const FINAL = new Set(['forbidden', 'origin_not_allowed']);

/** No other address would be this one: where one was let in before, this is a proxy that has nobody behind it for a while. */
const WRONG = new Set(['not_found', 'bad_request']);

/** These are said only to who has shown a good token. */
const SHOWN_A_GOOD_ONE = new Set(['upgrade_required', 'too_many_connections']);

/** What a refused handshake means (HS3): why one is not let in, and whether that is the end. */
export function judgeRefusal(
  refusal: Refusal | undefined,
  { url, token, tokens, wasIn }: FailedHandshake,
): Verdict {
  const { code, message, retryAfterMs } = refusal ?? { code: 'unavailable' };
  // Without what stands behind the question mark: it may be a secret.
  const [address] = url.split('?');
  const what = refusal ? `does not let us in: ${message ?? code}` : 'cannot be reached';
  const why = failure(code, `${address} ${what}`, retryAfterMs);
  if (code === 'unauthorized') {
    const isFinal = !tokens.renew(token);
    // Not at once: what gives tokens, or the server, may be behind.
    return { why: isFinal ? why : { ...why, retryAfterMs: Math.max(PAUSE_MS, retryAfterMs ?? 0) }, isFinal };
  }
  if (code === 'unavailable' && retryAfterMs !== undefined) tokens.doubt(token);
  if (SHOWN_A_GOOD_ONE.has(code)) tokens.accepted();
  return { why, isFinal: FINAL.has(code) || (WRONG.has(code) && !wasIn) };
}
