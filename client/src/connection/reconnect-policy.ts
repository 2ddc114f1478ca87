import { failure, type ClientError } from '../errors.ts';
import type { Ports, Refusal } from '../ports.ts';
import type { Tokens } from './tokens.ts';

/** Before what was refused for a while is asked for again, where the server names no time. */
export const PAUSE_MS = 1_000;

const BASE_MS = 500;
const CAP_MS = 20_000;

/**
 * The pause after so many failures in a row, with full jitter: anything from nothing to 0.5 s × 2ⁿ, at most 20 s. The
 * jitter comes after the cap, or all clients of a long outage would come back in the same rhythm.
 */
export function backoffMs(failures: number, ports: Pick<Ports, 'random'>): number {
  return ports.random() * Math.min(CAP_MS, BASE_MS * 2 ** Math.max(0, failures - 1));
}

/** A server that lets us in and throws us out at once is asked less and less often. */
const BRIEF_MS = 5_000;

/** Failed attempts after which messages go by REST. */
const FAILURES_TO_REST = 3;

/** A server that names a longer pause is not believed. */
const PAUSE_MAX_MS = 3_600_000;

/** When to try again. */
export class ReconnectPolicy {
  readonly #ports: Ports;
  /** Attempts in a row that did not lead to a connection. */
  #failures = 0;
  /** Connections in a row that were lost at once, or to nonsense: being let in does not excuse a server. */
  #brief = 0;
  #at = 0;

  constructor(ports: Ports) {
    this.#ports = ports;
  }

  /** When, on one's own clock. */
  get at(): number {
    return this.#at;
  }

  get isUnreachable(): boolean {
    return this.#failures >= FAILURES_TO_REST;
  }

  /**
   * An attempt is over. `welcomedAt`: undefined when it never was; `slotMs`: when the server wants this client back,
   * where it said so.
   */
  after(why: ClientError, welcomedAt: number | undefined, slotMs?: number): void {
    const now = this.#ports.now();
    if (welcomedAt === undefined) this.#failures++;
    else {
      const isOfUse = now - welcomedAt >= BRIEF_MS && why.code !== 'bad_server_frame';
      this.#failures = 0;
      this.#brief = isOfUse ? 0 : this.#brief + 1;
    }
    const jitter = backoffMs(this.#failures + this.#brief, this.#ports);
    // The slot is this client's own, and spread over all already; a pause is told to everyone alike.
    const pause = slotMs ?? (why.retryAfterMs ?? 0) + jitter;
    this.#at = now + Math.min(pause, PAUSE_MAX_MS);
  }
}

export interface RefusedAttempt {
  readonly url: string;
  /** What was shown. */
  readonly token: string;
  readonly tokens: Tokens;
  /** One was let in before, at this address. */
  readonly wasIn: boolean;
}

/** No other attempt would help. */
const FINAL = new Set(['forbidden', 'origin_not_allowed']);

/** No other address would be this one: where one was let in before, this is a proxy that has nobody behind it for a while. */
const WRONG = new Set(['not_found', 'bad_request']);

/** These are said only to who has shown a good token. */
const SHOWN_A_GOOD_ONE = new Set(['upgrade_required', 'too_many_connections']);

/** What a refused handshake means (HS3): why one is not let in, and whether that is the end. */
export function judgeRefusal(
  refusal: Refusal | undefined,
  { url, token, tokens, wasIn }: RefusedAttempt,
): { readonly why: ClientError; readonly isFinal: boolean } {
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
