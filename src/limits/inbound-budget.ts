import { ViolationCounter } from './violation-counter.ts';
import { bucketOf, type TokenBucket } from './token-bucket.ts';

/** What one peer may send beside its requests (LM11). */
export interface InboundLimits {
  /** Pings and pongs per second, ten times as many at once; 0: no limit. */
  readonly controlFramesPerSecond: number;
  /** Fragments of one message; 0: no limit. */
  readonly fragmentsPerMessage: number;
  /** How long a message may take to be complete, milliseconds; 0: no limit. */
  readonly messageMs: number;
  /** Bytes per second, four times as many at once; 0: no limit. */
  readonly inboundBytesPerSecond: number;
  /** Overruns of a budget per minute after which the peer is evicted; 0: never. */
  readonly rateAbusePerMinute: number;
}

/** The defaults of a node. */
export const INBOUND_LIMITS: InboundLimits = {
  controlFramesPerSecond: 10,
  fragmentsPerMessage: 64,
  messageMs: 30_000,
  inboundBytesPerSecond: 1_048_576,
  rateAbusePerMinute: 300,
};

const CONTROL_BURST_MS = 10_000;
const BYTES_BURST_MS = 4_000;

/** The shortest pause of a peer over its bytes: otherwise each small packet would cause a pause. */
const PAUSE_MIN_MS = 100;

/**
 * The budgets of one peer (LM11). An overrun costs the peer what it sent, or pauses reading. The budget counts overruns,
 * and a peer with too many is evicted.
 */
export class InboundBudget {
  readonly #limits: InboundLimits;
  // Created when first needed, because most peers only listen.
  #control: TokenBucket | undefined;
  #bytes: TokenBucket | undefined;
  #violations: ViolationCounter | undefined;
  #isAbused = false;

  constructor(limits: InboundLimits) {
    this.#limits = limits;
  }

  /** The peer has exceeded its budgets too often. */
  get isAbused(): boolean {
    return this.#isAbused;
  }

  /** Counts one ping or pong. False when it exceeds the budget. */
  control(now: number): boolean {
    this.#control ??= bucketOf(
      (this.#limits.controlFramesPerSecond * CONTROL_BURST_MS) / 1_000,
      CONTROL_BURST_MS,
    );
    if (!this.#control || this.#control.take(now) === 0) return true;
    this.#countViolation(now);
    return false;
  }

  /** Counts bytes that were read. Returns how many milliseconds reading must pause. */
  bytes(count: number, now: number): number {
    this.#bytes ??= bucketOf((this.#limits.inboundBytesPerSecond * BYTES_BURST_MS) / 1_000, BYTES_BURST_MS);
    const missingMs = this.#bytes?.spend(count, now) ?? 0;
    if (missingMs === 0) return 0;
    this.#countViolation(now);
    return Math.max(missingMs, PAUSE_MIN_MS);
  }

  /** A frame found the queue full. */
  crowded(now: number): void {
    this.#countViolation(now);
  }

  #countViolation(now: number): void {
    const { rateAbusePerMinute } = this.#limits;
    if (rateAbusePerMinute === 0) return;
    // The overrun that reaches the limit is one too many.
    this.#violations ??= new ViolationCounter(rateAbusePerMinute - 1);
    this.#isAbused ||= this.#violations.add(now);
  }
}
