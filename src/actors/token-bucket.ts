/** How often something may be done: `count` in `perMs`, all of it at once after a rest. */
export interface Rate {
  readonly count: number;
  readonly perMs: number;
}

/**
 * A token bucket, kept as the one time at which it is full again (generic cell rate algorithm, ITU-T I.371): nothing
 * has to be refilled while nobody asks. Time is handed in, which no library of the kind allows.
 */
export class TokenBucket {
  readonly #stepMs: number;
  readonly #burstMs: number;
  #fullAt = -Infinity;

  constructor({ count, perMs }: Rate) {
    this.#stepMs = perMs / count;
    this.#burstMs = perMs;
  }

  /** Takes one: 0, or, when there is none, in how many milliseconds there will be one. */
  take(now: number): number {
    const fullAt = Math.max(this.#fullAt, now) + this.#stepMs;
    // A hundredth of a millisecond for sums of fractions: the last of a burst is a whole one.
    const missingMs = fullAt - now - this.#burstMs;
    if (missingMs > 0.01) return Math.ceil(missingMs);
    this.#fullAt = fullAt;
    return 0;
  }

  /** From when on there is nothing to remember. */
  get fullAt(): number {
    return this.#fullAt;
  }
}

/** A rate, or undefined when there is no limit. */
export function bucketOf(count: number, perMs: number): TokenBucket | undefined {
  return count > 0 ? new TokenBucket({ count, perMs }) : undefined;
}
