import type { FrameBatch } from '../../runtime/ports/sockets.ts';
import type { Effects } from '../kit/effects.ts';

/** More connections than these are a crowd. */
export const CROWD_MIN = 500;

/** Connections that get a notice at each tick of the clock: 20,000 a second, a fifth of a core. */
const AT_A_TIME = 400;
const EVERY_MS = 20;

/** Notices that may wait, each with a list of its connections. And by UTF-16 length, as much as of the log. */
const WAITING_MAX = 64;
const WAITING_SIZE_MAX = 1024 * 1024;

/** The relay's timer for the crowd. */
const CROWD = 'crowd';

interface Notice {
  readonly batch: FrameBatch;
  readonly to: readonly number[];
  next: number;
}

/**
 * Notices to a crowd, beside the log: counts of members, and signals. They can wait a moment, but messages elsewhere must not
 * wait while the node writes to thousands of sockets. So they go out on the clock, to a few connections at a time, in order.
 */
export class Crowd {
  readonly #isLive: (connection: number) => boolean;
  readonly #notices: Notice[] = [];
  #size = 0;
  #isArmed = false;

  constructor(isLive: (connection: number) => boolean) {
    this.#isLive = isLive;
  }

  get isBusy(): boolean {
    return this.#notices.length > 0;
  }

  /** False when too much waits already. */
  push(batch: FrameBatch, to: readonly number[]): boolean {
    const isFull = this.#notices.length >= WAITING_MAX || this.#size + batch.size > WAITING_SIZE_MAX;
    if (this.isBusy && isFull) return false;
    this.#notices.push({ batch, to, next: 0 });
    this.#size += batch.size;
    return true;
  }

  /** Arms the timer for the next connections, if there are any. */
  arm(out: Effects): void {
    if (this.#isArmed || !this.isBusy) return;
    this.#isArmed = true;
    out.arm(CROWD, EVERY_MS);
  }

  /** A timer of the relay is due. */
  fired(timer: string, out: Effects): void {
    if (timer !== CROWD) return;
    this.#isArmed = false;
    for (let left = AT_A_TIME; left > 0;) {
      const [notice] = this.#notices;
      if (!notice) return;
      left -= this.#tell(notice, left, out);
      if (notice.next < notice.to.length) continue;
      this.#notices.shift();
      this.#size -= notice.batch.size;
    }
  }

  /** Writes to the next connections that are still live. Returns how many it looked at. */
  #tell(notice: Notice, count: number, out: Effects): number {
    const { batch, to, next } = notice;
    const some = to.slice(next, next + count);
    notice.next += some.length;
    const connections = some.filter((connection) => this.#isLive(connection));
    const end = connections.length;
    if (end > 0) out.add({ type: 'fanout', batch, connections, start: 0, end });
    return some.length;
  }
}
