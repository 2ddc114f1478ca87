/**
 * Lets one of those who wait go on in each turn of the event loop, first come, first served. A large body takes milliseconds
 * to be parsed and checked: twenty that are complete at the same time would keep everybody else waiting for all of them. No
 * more wait than there are requests under way.
 */
export class OneATurn {
  readonly #waiting: (() => void)[] = [];

  async next(): Promise<void> {
    await new Promise<void>((goOn) => {
      if (this.#waiting.push(goOn) === 1) setImmediate(this.#turn);
    });
  }

  readonly #turn = (): void => {
    this.#waiting.shift()?.();
    if (this.#waiting.length > 0) setImmediate(this.#turn);
  };
}
