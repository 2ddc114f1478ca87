/**
 * Resumes one waiting caller per turn of the event loop, first come, first served. Parsing and checking a large body takes
 * milliseconds: twenty of them at once would delay every other client. The requests in progress bound how many callers
 * wait.
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
