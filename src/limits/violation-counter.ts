const WINDOW_MS = 60_000;

/** Counts a client's violations within the last minute. It remembers at most one more than the limit. */
export class ViolationCounter {
  readonly #max: number;
  /** Times of the violations, in order. */
  readonly #at: number[] = [];

  constructor(max: number) {
    this.#max = max;
  }

  /** Adds one violation, or a heavier one that counts several times. True when it exceeds the limit. */
  add(now: number, weight = 1): boolean {
    const live = this.#at.findIndex((at) => now - at < WINDOW_MS);
    this.#at.splice(0, live < 0 ? this.#at.length : live);
    if (this.#at.length > this.#max) return true;
    for (let n = 0; n < weight && this.#at.length <= this.#max; n++) this.#at.push(now);
    return this.#at.length > this.#max;
  }
}
