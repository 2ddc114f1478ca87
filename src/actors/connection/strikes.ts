const WINDOW_MS = 60_000;

/** Counts what a client should not have done, within the last minute. */
export class Strikes {
  readonly #max: number;
  #at: number[] = [];

  constructor(max: number) {
    this.#max = max;
  }

  /** One more; true when it is one too many. */
  add(now: number): boolean {
    this.#at = this.#at.filter((at) => now - at < WINDOW_MS);
    this.#at.push(now);
    return this.#at.length > this.#max;
  }
}
