import type { Clock } from './ports/clock.ts';

/** How many items pass at once, and in what time. The others follow, this many between two looks at the sockets. */
const AT_ONCE = 16;
const AT_ONCE_MS = 50;

/**
 * Passes on items that may come by the thousand at one moment, a few at a time and in order. Otherwise a crowd of actors
 * would wake at once, and each message of another client would wait behind the whole crowd at each of its steps.
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
