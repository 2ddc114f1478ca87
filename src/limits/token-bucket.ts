/** How often something may be done: `count` in `perMs`, all of it at once after a rest. */
export interface Rate {
  readonly count: number;
  readonly perMs: number;
}

/**
 * A token bucket, kept as how long it takes to be full again (generic cell rate algorithm, ITU-T I.371): nothing has to be
 * refilled while nobody asks. Time is handed in, which no library of the kind allows.
 */
export class TokenBucket {
  readonly #stepMs: number;
  readonly #burstMs: number;
  /** At `#at`, until it is full again. */
  #owedMs = 0;
  #at = 0;

  constructor({ count, perMs }: Rate) {
    this.#stepMs = perMs / count;
    this.#burstMs = perMs;
  }

  /** Takes one, or several (at most all there can be): 0, or in how many milliseconds there will be as many. */
  take(now: number, weight = 1): number {
    const takenMs = Math.min(weight * this.#stepMs, this.#burstMs);
    const owedMs = Math.max(0, this.#owedMs - (now - this.#at)) + takenMs;
    // A hundredth of a millisecond for sums of fractions: the last of a burst is a whole one.
    const missingMs = owedMs - this.#burstMs;
    if (missingMs > 0.01) return Math.ceil(missingMs);
    this.#owedMs = owedMs;
    this.#at = now;
    return 0;
  }

  /** Takes so many that are gone already, there or not: 0, or in how many milliseconds the bucket is out of debt. */
  spend(count: number, now: number): number {
    this.#owedMs = Math.max(0, this.#owedMs - (now - this.#at)) + count * this.#stepMs;
    this.#at = now;
    const missingMs = this.#owedMs - this.#burstMs;
    return missingMs > 0.01 ? Math.ceil(missingMs) : 0;
  }

  /** What was taken is not used. */
  giveBack(): void {
    this.#owedMs = Math.max(0, this.#owedMs - this.#stepMs);
  }

  /** From when on there is nothing to remember. */
  get fullAt(): number {
    return this.#at + this.#owedMs;
  }
}

/** A rate, or undefined when there is no limit. */
export function bucketOf(count: number, perMs: number): TokenBucket | undefined {
  return count > 0 ? new TokenBucket({ count, perMs }) : undefined;
}
