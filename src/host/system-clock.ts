import type { Clock } from '../runtime/ports/clock.ts';

/** The machine's time. */
export class SystemClock implements Clock {
  #timer: NodeJS.Timeout | undefined;

  now(): number {
    return performance.now();
  }

  wall(): number {
    return Date.now();
  }

  wakeAfter(delayMs: number, wake: () => void): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(wake, delayMs);
  }

  /** After the event loop has looked at its sockets: what is there by then is handled together. */
  soon(run: () => void): void {
    setImmediate(run);
  }

  /** No wake-up is outstanding any more: the process may end. */
  stop(): void {
    clearTimeout(this.#timer);
  }
}
