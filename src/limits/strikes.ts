const WINDOW_MS = 60_000;

/** Counts what a client should not have done, within the last minute; never more than one beyond what it may. */
export class Strikes {
  readonly #max: number;
  /** In the order of time. */
  readonly #at: number[] = [];

  constructor(max: number) {
    this.#max = max;
  }

  /** One more, or one that counts for several; true when it is one too many. */
  add(now: number, weight = 1): boolean {
    const live = this.#at.findIndex((at) => now - at < WINDOW_MS);
    this.#at.splice(0, live < 0 ? this.#at.length : live);
    if (this.#at.length > this.#max) return true;
    for (let n = 0; n < weight && this.#at.length <= this.#max; n++) this.#at.push(now);
    return this.#at.length > this.#max;
  }
}
