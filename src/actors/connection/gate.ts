import type { Effects } from '../kit/effects.ts';

/** Why no frames are taken right now. */
export type HoldReason = keyof typeof HOLDS;

/** A bit each. */
const HOLDS = { connecting: 1, subscribing: 2, busy: 4, congested: 8, draining: 16 } as const;

/**
 * Whether a connection takes frames: not before it is welcomed, nor while something must be finished first,
 * nor while more is under way than `max`. Frames wait meanwhile, and past a few of them the socket is not read.
 */
export class Gate {
  readonly #max: number;
  #holds = 0;
  #inFlight = 0;

  constructor(max: number) {
    this.#max = max;
  }

  get isIdle(): boolean {
    return this.#inFlight === 0;
  }

  isHeldFor(why: HoldReason): boolean {
    return (this.#holds & HOLDS[why]) !== 0;
  }

  hold(why: HoldReason, out: Effects): void {
    if (this.#holds === 0) out.add({ type: 'hold' });
    this.#holds |= HOLDS[why];
  }

  release(why: HoldReason, out: Effects): void {
    if (!this.isHeldFor(why)) return;
    this.#holds &= ~HOLDS[why];
    if (this.#holds === 0) out.add({ type: 'release' });
  }

  /** Work under way; `weight` is taken back with {@link end}. */
  begin(weight: number, out: Effects): void {
    this.#inFlight += weight;
    if (this.#inFlight >= this.#max) this.hold('busy', out);
  }

  end(weight: number, out: Effects): void {
    this.#inFlight -= weight;
    out.check('in_flight', this.#inFlight >= 0);
    if (this.#inFlight < this.#max) this.release('busy', out);
  }
}
