import type { ClientError } from '../errors.ts';
import type { BasePorts } from '../ports.ts';

/** Before what was refused for a while is asked for again, where the server names no time. */
export const PAUSE_MS = 1_000;

const BASE_MS = 500;
const CAP_MS = 20_000;

/**
 * The pause after so many failures in a row, with full jitter: anything from nothing to 0.5 s × 2ⁿ, at most 20 s. The
 * jitter comes after the cap, or all clients of a long outage would come back in the same rhythm.
 */
export function backoffMs(failures: number, ports: Pick<BasePorts, 'random'>): number {
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
  readonly #ports: BasePorts;
  /** Attempts in a row that did not lead to a connection. */
  #failures = 0;
  /** Connections in a row that were lost at once, or to nonsense: being let in does not excuse a server. */
  #brief = 0;
  /** When, on one's own clock. */
  at = 0;

  constructor(ports: BasePorts) {
    this.#ports = ports;
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
    this.at = now + Math.min(pause, PAUSE_MAX_MS);
  }
}
