import type { ReplyTo } from '../../runtime/ports/actor.ts';
import type { StoreCallName, StoreCalls, StoreReply, StoreRequest } from '../../runtime/ports/log-store.ts';
import type { Effects } from '../kit/effects.ts';
import { answer, FAILED, type StoreCall, type StoreQueue } from './store-queue.ts';

/** Keys of one statement. */
const KEYS_MAX = 512;

/** How small reads of one kind become one request, and their answers come out of its reply. */
export interface CoalescedRead<Name extends StoreCallName, Key, Value> {
  readonly request: (keys: readonly Key[]) => Extract<StoreRequest, { readonly call: Name }>;
  readonly pick: (reply: StoreCalls[Name]['reply'], key: Key, at: number) => Value;
}

/**
 * Small reads of one kind, gathered: while one statement is under way, further questions wait for the next, and those
 * for the same key share the answer (D6). An answer is never older than its question.
 */
export class CoalescedReads<Name extends StoreCallName, Key, Value> implements StoreQueue {
  readonly inFlightMax = 1;
  readonly isWrite = false;
  readonly #read: CoalescedRead<Name, Key, Value>;
  #waiting = new Map<string, { readonly key: Key; readonly askers: (ReplyTo | undefined)[] }>();

  constructor(read: CoalescedRead<Name, Key, Value>) {
    this.#read = read;
  }

  /** `name` tells keys apart. */
  add(name: string, key: Key, asker: ReplyTo | undefined): void {
    const question = this.#waiting.get(name);
    if (question) question.askers.push(asker);
    else this.#waiting.set(name, { key, askers: [asker] });
  }

  next(): StoreCall | undefined {
    if (this.#waiting.size === 0) return undefined;
    const taken = [...this.#waiting].slice(0, KEYS_MAX);
    for (const [name] of taken) this.#waiting.delete(name);
    const wanted = taken.map(([, question]) => question);
    const settle = (reply: StoreReply, out: Effects): void => {
      for (const [at, { key, askers }] of wanted.entries()) {
        if (reply.ok) answer(out, askers, { ok: true, value: this.#read.pick(reply.value, key, at) });
        else answer(out, askers, reply);
      }
    };
    return { request: this.#read.request(wanted.map(({ key }) => key)), settle };
  }

  refuseAll(out: Effects): void {
    for (const { askers } of this.#waiting.values()) answer(out, askers, FAILED);
    this.#waiting.clear();
  }
}
