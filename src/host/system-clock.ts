import type { Clock } from '../runtime/ports/clock.ts';

/** The longest that Node.js waits, 24.8 days; anything longer it takes for 1 ms. */
const DELAY_MAX_MS = 2 ** 31 - 1;

/** The machine's time. */
export class SystemClock implements Clock {
  #timer: NodeJS.Timeout | undefined;
  #isStopped = false;

  now(): number {
    return performance.now();
  }

  wall(): number {
    return Date.now();
  }

  wakeAfter(delayMs: number, wake: () => void): void {
    clearTimeout(this.#timer);
    if (this.#isStopped) return;
    const rest = delayMs - DELAY_MAX_MS;
    this.#timer =
      rest > 0 ? setTimeout(() => this.wakeAfter(rest, wake), DELAY_MAX_MS) : setTimeout(wake, delayMs);
  }

  /** After the event loop has looked at its sockets: what is there by then is handled together. */
  soon(run: () => void): void {
    setImmediate(run);
  }

  /** No wake-up is outstanding any more, and none will be: the process may end. */
  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }
}
