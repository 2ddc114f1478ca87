import { Strikes } from './strikes.ts';
import { bucketOf, type TokenBucket } from './token-bucket.ts';

/** What one peer may send beside its requests (LM11). */
export interface InboundLimits {
  /** Pings and pongs a second, ten times as many at once; 0: any number. */
  readonly controlFramesPerSecond: number;
  /** Fragments of one message; 0: any number. */
  readonly fragmentsPerMessage: number;
  /** How long a message may take to be whole, milliseconds; 0: any time. */
  readonly messageMs: number;
  /** Bytes a second, four times as many at once; 0: any number. */
  readonly inboundBytesPerSecond: number;
  /** Times over a budget, in a minute, after which the peer is put out; 0: nobody is. */
  readonly rateAbusePerMinute: number;
}

/** What a node allows unless it is told otherwise. */
export const INBOUND_LIMITS: InboundLimits = {
  controlFramesPerSecond: 10,
  fragmentsPerMessage: 64,
  messageMs: 30_000,
  inboundBytesPerSecond: 1_048_576,
  rateAbusePerMinute: 300,
};

const CONTROL_BURST_MS = 10_000;
const BYTES_BURST_MS = 4_000;

/** A peer over its bytes is not read for this long at least: else each small packet of a network would be a pause. */
const PAUSE_MIN_MS = 100;

/**
 * The budgets of one peer (LM11). Going over one costs the peer what it sent, or the reading of it, and is counted:
 * who goes on is put out.
 */
export class InboundBudget {
  readonly #limits: InboundLimits;
  // Made when they are first needed: most peers only listen.
  #control: TokenBucket | undefined;
  #bytes: TokenBucket | undefined;
  #strikes: Strikes | undefined;
  #isAbused = false;

  constructor(limits: InboundLimits) {
    this.#limits = limits;
  }

  /** It went on in spite of its budgets. */
  get isAbused(): boolean {
    return this.#isAbused;
  }

  /** One ping or pong: whether it counts. */
  control(now: number): boolean {
    this.#control ??= bucketOf(
      (this.#limits.controlFramesPerSecond * CONTROL_BURST_MS) / 1_000,
      CONTROL_BURST_MS,
    );
    if (!this.#control || this.#control.take(now) === 0) return true;
    this.#strike(now);
    return false;
  }

  /** So many bytes were read: for how many milliseconds nothing more may be. */
  bytes(count: number, now: number): number {
    this.#bytes ??= bucketOf((this.#limits.inboundBytesPerSecond * BYTES_BURST_MS) / 1_000, BYTES_BURST_MS);
    const missingMs = this.#bytes?.spend(count, now) ?? 0;
    if (missingMs === 0) return 0;
    this.#strike(now);
    return Math.max(missingMs, PAUSE_MIN_MS);
  }

  /** A frame found no room with those that wait. */
  crowded(now: number): void {
    this.#strike(now);
  }

  #strike(now: number): void {
    const { rateAbusePerMinute } = this.#limits;
    if (rateAbusePerMinute === 0) return;
    // The one that makes the number full is too much.
    this.#strikes ??= new Strikes(rateAbusePerMinute - 1);
    this.#isAbused ||= this.#strikes.add(now);
  }
}
