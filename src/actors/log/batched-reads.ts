import type { ReplyTo } from '../../runtime/ports/actor.ts';
import type { StoreCallName, StoreCalls, StoreReply, StoreRequest } from '../../runtime/ports/log-store.ts';
import type { Outbox } from '../outbox.ts';
import { answer, FAILED, type Job, type Line } from './line.ts';

/** Keys of one statement. */
const KEYS_MAX = 512;

/** How a kind of small read is put and taken apart. */
export interface BatchedRead<Name extends StoreCallName, Key, Value> {
  readonly request: (keys: readonly Key[]) => Extract<StoreRequest, { readonly call: Name }>;
  readonly pick: (reply: StoreCalls[Name]['reply'], key: Key, at: number) => Value;
}

/**
 * Small reads of one kind, gathered: while one statement is under way, what is asked waits for the next,
 * and who asks for the same key shares the answer (D6). An answer is never older than the question.
 */
export class BatchedReads<Name extends StoreCallName, Key, Value> implements Line {
  readonly inFlightMax = 1;
  readonly isWrite = false;
  readonly #read: BatchedRead<Name, Key, Value>;
  #waiting = new Map<string, { readonly key: Key; readonly askers: (ReplyTo | undefined)[] }>();

  constructor(read: BatchedRead<Name, Key, Value>) {
    this.#read = read;
  }

  /** `name` tells keys apart. */
  add(name: string, key: Key, asker: ReplyTo | undefined): void {
    const known = this.#waiting.get(name);
    if (known) known.askers.push(asker);
    else this.#waiting.set(name, { key, askers: [asker] });
  }

  next(): Job | undefined {
    if (this.#waiting.size === 0) return undefined;
    const taken = [...this.#waiting].slice(0, KEYS_MAX);
    for (const [name] of taken) this.#waiting.delete(name);
    const wanted = taken.map(([, one]) => one);
    const settle = (reply: StoreReply, out: Outbox): void => {
      for (const [at, { key, askers }] of wanted.entries()) {
        if (reply.ok) answer(out, askers, { ok: true, value: this.#read.pick(reply.value, key, at) });
        else answer(out, askers, reply);
      }
    };
    return { request: this.#read.request(wanted.map(({ key }) => key)), settle };
  }

  refuseAll(out: Outbox): void {
    for (const { askers } of this.#waiting.values()) answer(out, askers, FAILED);
    this.#waiting.clear();
  }
}
