import type { Clock } from '../runtime/ports/clock.ts';
import type { Random } from './random.ts';
import type { Scheduled, Timeline } from './timeline.ts';

/** The wall clock's time when a simulation begins: any day will do, as long as it is always the same one. */
export const EPOCH_MS = Date.UTC(2026, 0, 1);

/** Milliseconds between asking for a slice and its beginning: what arrives meanwhile is handled with it. */
const SLICE_DELAY = [0.001, 0.6] as const;

/** One process's time. `enter` runs something in the process, unless it is dead, or later when it stands still. */
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
    /** How far the wall clock is off. */
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

  soon(run: () => void): void {
    this.#timeline.after(this.#random.delay(...SLICE_DELAY), () => this.#enter(run));
  }
}
