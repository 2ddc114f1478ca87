/** The wall clock at the start of a simulation. Any day will do, if it is always the same. */
export const EPOCH_MS = Date.UTC(2026, 0, 1);

/** A scheduled event, unless it is cancelled. */
export interface Scheduled {
  readonly at: number;
  readonly order: number;
  run: (() => void) | undefined;
}

/**
 * Virtual time: the scheduled events in order.
 *
 * - Time moves only from one event to the next. An event that another event schedules counts from that event's time.
 * - Events of the same time happen in the order of scheduling.
 */
export class Timeline {
  /** Milliseconds since the start. */
  now = 0;
  /** A heap by time, then order. */
  readonly #heap: Scheduled[] = [];
  #order = 0;

  after(delayMs: number, run: () => void): Scheduled {
    return this.at(this.now + delayMs, run);
  }

  /**
   * Schedules an event at a time, or now if that is past. Two events that share a time need the same number, not a sum
   * each.
   */
  at(time: number, run: () => void): Scheduled {
    const scheduled: Scheduled = { at: Math.max(this.now, time), order: this.#order++, run };
    this.#push(scheduled);
    return scheduled;
  }

  cancel(scheduled: Scheduled | undefined): void {
    if (scheduled) scheduled.run = undefined;
  }

  /** Runs the next event. False when there is none up to `until`, where time then stands. */
  step(until: number): boolean {
    for (let next = this.#heap[0]; next && next.at <= until; next = this.#heap[0]) {
      this.#pop();
      const { run } = next;
      if (!run) continue;
      next.run = undefined;
      this.now = next.at;
      run();
      return true;
    }
    this.now = Math.max(this.now, until);
    return false;
  }

  #push(scheduled: Scheduled): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(scheduled);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (isBefore(heap[parent] as Scheduled, scheduled)) break;
      heap[at] = heap[parent] as Scheduled;
      at = parent;
    }
    heap[at] = scheduled;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (!last || heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = at * 2 + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1] as Scheduled, heap[child] as Scheduled))
        child++;
      if (isBefore(last, heap[child] as Scheduled)) break;
      heap[at] = heap[child] as Scheduled;
      at = child;
    }
    heap[at] = last;
  }
}

function isBefore(a: Scheduled, b: Scheduled): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
