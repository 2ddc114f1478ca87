import type { ClientError } from '../errors.ts';
import type { BasePorts } from '../ports.ts';

/** The pause before a retry when the server names none. */
export const PAUSE_MS = 1_000;

const BASE_MS = 500;
const CAP_MS = 20_000;

/**
 * The pause after this many failures in a row, with full jitter: between 0 and 0.5 s × 2ⁿ, at most 20 s. The jitter comes
 * after the cap, or all clients of a long outage would come back in the same rhythm.
 */
export function backoffMs(failures: number, ports: Pick<BasePorts, 'random'>): number {
  return ports.random() * Math.min(CAP_MS, BASE_MS * 2 ** Math.max(0, failures - 1));
}

/** A connection that ends sooner counts as a failure: the client retries ever less often. */
const BRIEF_MS = 5_000;

/** Failed attempts after which messages go over REST. */
const FAILURES_TO_REST = 3;

/** The client ignores a longer pause of a server. */
const PAUSE_MAX_MS = 3_600_000;

/** Decides when to retry. */
export class ReconnectPolicy {
  readonly #ports: BasePorts;
  /** Attempts in a row without a connection. */
  #failures = 0;
  /** Connections in a row that ended at once or with broken frames. Acceptance alone is no success. */
  #brief = 0;
  /** The time of the next attempt, on the client's own clock. */
  at = 0;

  constructor(ports: BasePorts) {
    this.#ports = ports;
  }

  get isUnreachable(): boolean {
    return this.#failures >= FAILURES_TO_REST;
  }

  /**
   * An attempt is over. `welcomedAt` is undefined when the server never accepted it. `slotMs` is when the server wants this
   * client back, if it named a time.
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
    // A slot is this client's own and already spread. A pause is the same for every client, so it gets jitter.
    const pause = slotMs ?? (why.retryAfterMs ?? 0) + jitter;
    this.at = now + Math.min(pause, PAUSE_MAX_MS);
  }
}
