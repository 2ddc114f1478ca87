import type { Clock } from './ports/clock.ts';

/** The owner of a timer is called when the timer comes due. */
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

/** The search for the next timer looks at so many timers at most. With more of them, wake-ups are frequent anyway. */
const LOOKED_AT_MAX = 64;

/**
 * Every timer of the process on one wheel and one wake-up of the clock (D3).
 *
 * - Arming and disarming cost the same however many timers there are.
 * - No timer fires early; timers fire in the order of their ticks, ties in the order of arming.
 * - A timer armed by a fired timer counts from the time it was armed.
 * - When all timers of a wake-up are disarmed, the next {@link settle} puts the wake-up off, or cancels it.
 */
export class TimerWheel {
  readonly #clock: Clock;
  readonly #slots: (Timer | undefined)[] = Array.from({ length: SLOTS });
  /** All ticks up to this one have been fired. */
  #tick: number;
  #wakeTick = Infinity;
  /** A timer of the wake-up was disarmed. It may have been the last one. */
  #isWakeDoubted = false;
  readonly #doubted: () => void;
  #order = 0;
  #size = 0;

  /** `doubted` must have {@link settle} called soon. */
  constructor(clock: Clock, doubted: () => void) {
    this.#clock = clock;
    this.#doubted = doubted;
    this.#tick = Math.floor(clock.now() / TICK_MS);
  }

  get size(): number {
    return this.#size;
  }

  arm(owner: TimerOwner, name: string, delayMs: number, now = this.#clock.now()): Timer {
    const due = now + Math.max(0, delayMs);
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
    const isOfWake = timer.tick === this.#wakeTick;
    timer.previous = timer.next = undefined;
    timer.tick = -1;
    this.#size--;
    if (!isOfWake || this.#isWakeDoubted) return;
    this.#isWakeDoubted = true;
    this.#doubted();
  }

  /** Called when a slice is over. From here on no wake-up is left whose timers are all disarmed. */
  settle(): void {
    if (!this.#isWakeDoubted) return;
    this.#isWakeDoubted = false;
    // No timer is due before the wake-up.
    const next = this.#nextTick(this.#wakeTick - 1);
    if (next === Infinity) {
      this.#wakeTick = Infinity;
      this.#clock.cancelWake();
    } else if (next !== this.#wakeTick) this.#wakeAt(next);
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
    const next = this.#nextTick(this.#tick);
    if (next < this.#wakeTick) this.#wakeAt(next);
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

  /**
   * The tick of the next timer, if none is due up to `after`. When the search ends early, it may be a tick whose slot has
   * timers of later rounds only: then the wake-up finds nothing due.
   */
  #nextTick(after: number): number {
    if (this.#size === 0) return Infinity;
    let later = Infinity;
    let seen = 0;
    for (let t = after + 1; t <= after + SLOTS; t++) {
      for (let timer = this.#slots[t % SLOTS]; timer; timer = timer.next) {
        if (timer.tick === t || ++seen > LOOKED_AT_MAX) return t;
        later = Math.min(later, timer.tick);
      }
    }
    return later;
  }
}
