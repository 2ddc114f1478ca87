import type { ReplyTo } from '../../runtime/ports/actor.ts';
import type { StoreRequest } from '../../runtime/ports/log-store.ts';
import type { Outbox } from '../outbox.ts';
import { answer, FAILED, type Job, type Line } from './line.ts';

interface Waiting {
  readonly request: StoreRequest;
  readonly asker: ReplyTo | undefined;
}

/** What is asked one by one: rooms made and changed, revocations, lookups; and, in a line of its own, lists of rooms. */
export class Calls implements Line {
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

  add(request: StoreRequest, asker: ReplyTo | undefined, out: Outbox): void {
    if (this.#waiting.length >= this.#waitingMax) answer(out, [asker], FAILED);
    else this.#waiting.push({ request, asker });
  }

  next(): Job | undefined {
    const waiting = this.#waiting.shift();
    return (
      waiting && { request: waiting.request, settle: (reply, out) => answer(out, [waiting.asker], reply) }
    );
  }

  refuseAll(out: Outbox): void {
    const askers = this.#waiting.map(({ asker }) => asker);
    this.#waiting = [];
    answer(out, askers, FAILED);
  }
}
