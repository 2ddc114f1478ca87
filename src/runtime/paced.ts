import type { Clock } from './ports/clock.ts';

/** So many are passed on at once, in so long; of what comes beyond, as many between two looks at the sockets. */
const AT_ONCE = 16;
const AT_ONCE_MS = 50;

/**
 * Passes on what may come by the thousand at one moment, a few at a time and in order: else actors wake in a crowd, and
 * a message of anybody else waits behind the whole of it at each of its steps.
 */
export class Paced<Item> {
  readonly #clock: Clock;
  readonly #pass: (item: Item) => void;
  #waiting: Item[] = [];
  #since = -Infinity;
  #passed = 0;

  constructor(clock: Clock, pass: (item: Item) => void) {
    this.#clock = clock;
    this.#pass = pass;
  }

  add(item: Item): void {
    if (this.#waiting.length === 0 && this.#mayPass()) return this.#pass(item);
    if (this.#waiting.length === 0) this.#clock.soon(this.#goOn);
    this.#waiting.push(item);
  }

  #mayPass(): boolean {
    const now = this.#clock.now();
    if (now - this.#since >= AT_ONCE_MS) {
      this.#since = now;
      this.#passed = 0;
    }
    return this.#passed++ < AT_ONCE;
  }

  readonly #goOn = (): void => {
    for (const item of this.#waiting.splice(0, AT_ONCE)) this.#pass(item);
    if (this.#waiting.length > 0) this.#clock.soon(this.#goOn);
  };
}
