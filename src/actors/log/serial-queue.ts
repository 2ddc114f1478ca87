import type { ReplyTo } from '../../runtime/ports/actor.ts';
import type { StoreRequest } from '../../runtime/ports/log-store.ts';
import type { Effects } from '../kit/effects.ts';
import { answer, FAILED, type StoreCall, type StoreQueue } from './store-queue.ts';

interface Waiting {
  readonly request: StoreRequest;
  readonly asker: ReplyTo | undefined;
}

/**
 * The calls that are made one by one: changes of rooms, revocations, lookups; and, in a queue of its own, lists of
 * rooms.
 */
export class SerialQueue implements StoreQueue {
  readonly inFlightMax: number;
  readonly isWrite: boolean;
  readonly #waitingMax: number;
  #waiting: Waiting[] = [];

  constructor(limits: {
    readonly inFlightMax: number;
    readonly waitingMax: number;
    readonly isWrite: boolean;
  }) {
    this.inFlightMax = limits.inFlightMax;
    this.isWrite = limits.isWrite;
    this.#waitingMax = limits.waitingMax;
  }

  add(request: StoreRequest, asker: ReplyTo | undefined, out: Effects): void {
    if (this.#waiting.length >= this.#waitingMax) answer(out, [asker], FAILED);
    else this.#waiting.push({ request, asker });
  }

  next(): StoreCall | undefined {
    const waiting = this.#waiting.shift();
    return (
      waiting && { request: waiting.request, settle: (reply, out) => answer(out, [waiting.asker], reply) }
    );
  }

  refuseAll(out: Effects): void {
    const askers = this.#waiting.map(({ asker }) => asker);
    this.#waiting = [];
    answer(out, askers, FAILED);
  }
}
