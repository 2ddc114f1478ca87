import type { Clock } from './ports/clock.ts';

/** Who is called when a timer comes due. */
export interface TimerOwner {
  timerDue(timer: Timer): void;
}

/** One armed timer; a link in its slot's list while it waits. */
export interface Timer {
  readonly owner: TimerOwner;
  readonly name: string;
  /** The tick it fires at. */
  tick: number;
  /** Order of arming: breaks ties. */
  order: number;
  previous: Timer | undefined;
  next: Timer | undefined;
}

/** How late a timer may fire: 20 ms is well under every delay there is, and 50 wake-ups a second at most. */
const TICK_MS = 20;

/** 512 slots of 20 ms: 10 s a round. Most timers fire within three rounds. */
const SLOTS = 512;

/**
 * Every timer of the process on one wheel and one wake-up of the clock (D3).
 *
 * - Arming and disarming cost the same however many timers there are.
 * - No timer fires early; timers fire in the order of their ticks, ties in the order of arming.
 * - A timer armed by a fired timer counts from the time it was armed.
 */
export class TimerWheel {
  readonly #clock: Clock;
  readonly #slots: (Timer | undefined)[] = Array.from({ length: SLOTS });
  /** All ticks up to this one have been fired. */
  #tick: number;
  #wakeTick = Infinity;
  #order = 0;
  #size = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#tick = Math.floor(clock.now() / TICK_MS);
  }

  get size(): number {
    return this.#size;
  }

  arm(owner: TimerOwner, name: string, delayMs: number): Timer {
    const due = this.#clock.now() + Math.max(0, delayMs);
    const tick = Math.max(this.#tick + 1, Math.ceil(due / TICK_MS));
    const timer: Timer = { owner, name, tick, order: this.#order++, previous: undefined, next: undefined };
    const slot = tick % SLOTS;
    const first = this.#slots[slot];
    timer.next = first;
    if (first) first.previous = timer;
    this.#slots[slot] = timer;
    this.#size++;
    if (tick < this.#wakeTick) this.#wakeAt(tick);
    return timer;
  }

  /** Safe on a timer that has fired or was disarmed before. */
  disarm(timer: Timer): void {
    if (timer.tick < 0) return;
    const { previous, next } = timer;
    if (previous) previous.next = next;
    else this.#slots[timer.tick % SLOTS] = next;
    if (next) next.previous = previous;
    timer.previous = timer.next = undefined;
    timer.tick = -1;
    this.#size--;
  }

  #wakeAt(tick: number): void {
    this.#wakeTick = tick;
    this.#clock.wakeAfter(Math.max(0, tick * TICK_MS - this.#clock.now()), this.#wake);
  }

  readonly #wake = (): void => {
    this.#wakeTick = Infinity;
    const due = this.#collect(Math.floor(this.#clock.now() / TICK_MS));
    for (const timer of due) {
      // One that fired before may have disarmed it.
      if (timer.tick < 0) continue;
      this.disarm(timer);
      timer.owner.timerDue(timer);
    }
    if (this.#size > 0) {
      const next = this.#nextTick();
      if (next < this.#wakeTick) this.#wakeAt(next);
    }
  };

  /** Timers due up to `tick`, still linked, in firing order. */
  #collect(tick: number): Timer[] {
    const due: Timer[] = [];
    const last = Math.min(tick, this.#tick + SLOTS);
    for (let t = this.#tick + 1; t <= last; t++) {
      for (let timer = this.#slots[t % SLOTS]; timer; timer = timer.next) {
        if (timer.tick <= tick) due.push(timer);
      }
    }
    this.#tick = Math.max(tick, this.#tick);
    return due.toSorted((a, b) => a.tick - b.tick || a.order - b.order);
  }

  /** The next tick whose slot is not empty. It may hold later rounds only: then the wake-up finds nothing due. */
  #nextTick(): number {
    for (let t = this.#tick + 1; t <= this.#tick + SLOTS; t++) {
      if (this.#slots[t % SLOTS]) return t;
    }
    return Infinity;
  }
}
