import type { Cell } from './cell.ts';
import type { Clock } from './ports/clock.ts';

/** Messages of one turn of one actor, and how long a turn may take: then the next actor is on (D4). */
const TURN_MESSAGES = 32;
const TURN_MS = 1;

/** How long actors run before sockets and timers are looked at again (D4). */
const SLICE_MS = 5;

/** A slice is over, too, when so many sockets are to be written to: that takes the system as long again. */
const DIRTY_MAX = 500;

export interface SchedulerHooks {
  /** Takes one message of a cell; false when there was none it may take. */
  readonly step: (cell: Cell) => boolean;
  /** Sockets with something that leaves when the slice is over. */
  readonly dirty: () => number;
  /** After each slice: what was written leaves. */
  readonly sliceOver: () => void;
}

/**
 * Gives actors their turns: first come, first served, each actor at most once in the queue.
 *
 * A slice begins after the event loop has taken all waiting input, so that what arrived together
 * is handled together: that is what makes batches without adding latency.
 */
export class Scheduler {
  readonly #clock: Clock;
  readonly #hooks: SchedulerHooks;
  #queue: Cell[] = [];
  #next = 0;
  /** Run when everything queued has had its turn. */
  #deferred: (() => void)[] = [];
  #isScheduled = false;

  constructor(clock: Clock, hooks: SchedulerHooks) {
    this.#clock = clock;
    this.#hooks = hooks;
  }

  enqueue(cell: Cell): void {
    if (cell.isQueued) return;
    cell.isQueued = true;
    this.#queue.push(cell);
    this.#schedule();
  }

  /** Runs `deliver` once the actors queued now, and those they wake, have had their turn, or the slice is over. */
  defer(deliver: () => void): void {
    this.#deferred.push(deliver);
    this.#schedule();
  }

  /** Asks for a slice although nothing may be queued, so that {@link SchedulerHooks.sliceOver} runs. */
  wake(): void {
    this.#schedule();
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#clock.soon(this.#runSlice);
  }

  readonly #runSlice = (): void => {
    const end = this.#clock.now() + SLICE_MS;
    do {
      this.#runQueue(end);
      this.#runDeferred();
    } while (this.#hasQueued && this.#clock.now() < end && this.#hooks.dirty() < DIRTY_MAX);
    this.#hooks.sliceOver();
    this.#isScheduled = false;
    if (this.#hasQueued || this.#deferred.length > 0) this.#schedule();
  };

  get #hasQueued(): boolean {
    return this.#next < this.#queue.length;
  }

  #runQueue(end: number): void {
    for (let now = this.#clock.now(); this.#hasQueued && now < end; now = this.#clock.now()) {
      const cell = this.#queue[this.#next++] as Cell;
      this.#runTurn(cell, now);
    }
    if (!this.#hasQueued) {
      this.#queue = [];
      this.#next = 0;
    } else if (this.#next >= 4_096) {
      this.#queue = this.#queue.slice(this.#next);
      this.#next = 0;
    }
  }

  #runDeferred(): void {
    if (this.#deferred.length === 0) return;
    const deferred = this.#deferred;
    this.#deferred = [];
    for (const deliver of deferred) deliver();
  }

  #runTurn(cell: Cell, now: number): void {
    const end = now + TURN_MS;
    for (let taken = 1; this.#hooks.step(cell); taken++) {
      if (taken >= TURN_MESSAGES || (taken % 8 === 0 && this.#clock.now() >= end)) break;
    }
    cell.isQueued = false;
    if (cell.status === 'running' && cell.mailbox.hasWork(cell.isHeld)) this.enqueue(cell);
  }
}
