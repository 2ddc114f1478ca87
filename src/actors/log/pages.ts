import type { ReplyTo } from '../../runtime/ports/actor.ts';
import type { PageRequest } from '../messages.ts';
import type { Outbox } from '../outbox.ts';
import { answer, FAILED, type Job, type Line } from './line.ts';

interface Waiting {
  readonly key: string;
  readonly request: PageRequest;
  readonly askers: (ReplyTo | undefined)[];
}

/** Reads of pages, a few at a time; who wants the same page shares one read (D10). */
export class Pages implements Line {
  readonly inFlightMax: number;
  readonly isWrite = false;
  readonly #waitingMax: number;
  #waiting: Waiting[] = [];
  readonly #sharers = new Map<string, (ReplyTo | undefined)[]>();

  constructor(limits: { readonly inFlightMax: number; readonly waitingMax: number }) {
    this.inFlightMax = limits.inFlightMax;
    this.#waitingMax = limits.waitingMax;
  }

  add(request: PageRequest, asker: ReplyTo | undefined, out: Outbox): void {
    const key = JSON.stringify(request);
    const sharers = this.#sharers.get(key);
    if (sharers) return void sharers.push(asker);
    if (this.#waiting.length >= this.#waitingMax) return answer(out, [asker], FAILED);
    const askers = [asker];
    this.#sharers.set(key, askers);
    this.#waiting.push({ key, request, askers });
  }

  next(): Job | undefined {
    const waiting = this.#waiting.shift();
    if (!waiting) return undefined;
    const { key, request, askers } = waiting;
    // A read under way may be too old for who asks now, unless it ends at a seq that was known to both.
    const isBounded =
      request.start !== 'newest' && 'after' in request.start && request.start.upTo !== undefined;
    if (!isBounded) this.#sharers.delete(key);
    return {
      request: { call: 'page', ...request },
      settle: (reply, out) => {
        if (this.#sharers.get(key) === askers) this.#sharers.delete(key);
        answer(out, askers, reply);
      },
    };
  }

  refuseAll(out: Outbox): void {
    for (const { key, askers } of this.#waiting) {
      this.#sharers.delete(key);
      answer(out, askers, FAILED);
    }
    this.#waiting = [];
  }
}
