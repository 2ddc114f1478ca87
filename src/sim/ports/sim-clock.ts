import type { Clock } from '../../runtime/ports/clock.ts';
import type { Random } from '../kit/random.ts';
import { EPOCH_MS, type Scheduled, type Timeline } from '../kit/timeline.ts';

/** Milliseconds between the request for a slice and its start. Input that arrives meanwhile is handled with it. */
const SLICE_DELAY = [0.001, 0.6] as const;

/** The time of one process. `enter` runs a function in the process: later if it stands still, never if it is dead. */
export class SimClock implements Clock {
  readonly #timeline: Timeline;
  readonly #random: Random;
  readonly #enter: (run: () => void) => void;
  readonly #jumpMs: () => number;
  #wake: Scheduled | undefined;

  constructor(parts: {
    readonly timeline: Timeline;
    readonly random: Random;
    readonly enter: (run: () => void) => void;
    /** The offset of the wall clock. */
    readonly jumpMs: () => number;
  }) {
    this.#timeline = parts.timeline;
    this.#random = parts.random;
    this.#enter = parts.enter;
    this.#jumpMs = parts.jumpMs;
  }

  now(): number {
    return this.#timeline.now;
  }

  wall(): number {
    return EPOCH_MS + Math.floor(this.#timeline.now) + this.#jumpMs();
  }

  wakeAfter(delayMs: number, wake: () => void): void {
    this.#timeline.cancel(this.#wake);
    this.#wake = this.#timeline.after(delayMs, () => this.#enter(wake));
  }

  cancelWake(): void {
    this.#timeline.cancel(this.#wake);
  }

  soon(run: () => void): void {
    this.#timeline.after(this.#random.delay(...SLICE_DELAY), () => this.#enter(run));
  }
}
