import type { Clock } from '../runtime/ports/clock.ts';

/** The longest delay of Node.js, 24.8 days. It treats a longer one as 1 ms. */
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

  cancelWake(): void {
    clearTimeout(this.#timer);
  }

  /** Runs after the event loop has read its sockets, so that the input which is there by then is handled together. */
  soon(run: () => void): void {
    setImmediate(run);
  }

  /** Cancels the wake-up and ignores later ones, so that the process can end. */
  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }
}
