/** How often something may be done: `count` in `perMs`, all of it at once after a rest. */
export interface Rate {
  readonly count: number;
  readonly perMs: number;
}

/**
 * A token bucket, stored as the time until it is full again (generic cell rate algorithm, ITU-T I.371), so that an idle
 * bucket needs no refill. The caller passes the time, which no library of this kind allows.
 */
export class TokenBucket {
  readonly #stepMs: number;
  readonly #burstMs: number;
  /** The time from `#at` until the bucket is full again. */
  #owedMs = 0;
  #at = 0;

  constructor({ count, perMs }: Rate) {
    this.#stepMs = perMs / count;
    this.#burstMs = perMs;
  }

  /**
   * Takes one token or several, at most the bucket's size, if `kept` tokens are left beside them. Returns 0, or the
   * milliseconds until there are as many.
   */
  take(now: number, weight = 1, kept = 0): number {
    const takenMs = Math.min(weight * this.#stepMs, this.#burstMs);
    const owedMs = this.#owedAt(now) + takenMs;
    // A hundredth of a millisecond for sums of fractions, so that the last token of a burst is a whole one.
    const missingMs = owedMs + kept * this.#stepMs - this.#burstMs;
    if (missingMs > 0.01) return Math.ceil(missingMs);
    this.#owedMs = owedMs;
    this.#at = now;
    return 0;
  }

  /**
   * Takes tokens for something that has already happened, even into debt. Returns 0, or the milliseconds until the debt is
   * paid.
   */
  spend(count: number, now: number): number {
    this.#owedMs = this.#owedAt(now) + count * this.#stepMs;
    this.#at = now;
    const missingMs = this.#owedMs - this.#burstMs;
    return missingMs > 0.01 ? Math.ceil(missingMs) : 0;
  }

  /** Returns tokens that were not used. */
  giveBack(count = 1): void {
    this.#owedMs = Math.max(0, this.#owedMs - count * this.#stepMs);
  }

  /** The number of whole tokens that can be taken. */
  left(now: number): number {
    return Math.floor((this.#burstMs - this.#owedAt(now) + 0.01) / this.#stepMs);
  }

  /** The number of tokens that are missing from a full bucket, with its fraction. */
  owed(now: number): number {
    return this.#owedAt(now) / this.#stepMs;
  }

  /** The milliseconds in which so many tokens come. */
  refillMs(count: number): number {
    return count * this.#stepMs;
  }

  #owedAt(now: number): number {
    return Math.max(0, this.#owedMs - (now - this.#at));
  }

  /** The time from which on the bucket is full, so that there is nothing to remember. */
  get fullAt(): number {
    return this.#at + this.#owedMs;
  }
}

/** A bucket; undefined when there is no limit. */
export function bucketOf(count: number, perMs: number): TokenBucket | undefined {
  return count > 0 ? new TokenBucket({ count, perMs }) : undefined;
}
