import type { ReplyTo } from '../../runtime/ports/actor.ts';
import type { StoreFailure, StoreReply, StoreRequest } from '../../runtime/ports/log-store.ts';
import type { LogReply } from '../messages/log.ts';
import type { Effects } from '../kit/effects.ts';

/** One call of the store, and the handling of its reply. */
export interface StoreCall {
  readonly request: StoreRequest;
  readonly settle: (reply: StoreReply, out: Effects) => void;
}

/** One kind of work for the store: its queue, and how it becomes calls. */
export interface StoreQueue {
  /** Calls of this kind that may be under way at once. */
  readonly inFlightMax: number;
  /** Whether a caller waits longer: the store must have carried it out or undone it by then. */
  readonly isWrite: boolean;
  /** The next call, or undefined when nothing waits. */
  next(): StoreCall | undefined;
  /** Answers everything that waits: the store cannot do it now. */
  refuseAll(out: Effects): void;
}

/** Sends the askers their answer, or that it failed. */
export function answer(
  out: Effects,
  askers: readonly (ReplyTo | undefined)[],
  reply:
    { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly failure: StoreFailure },
): void {
  const body: LogReply<unknown> = reply.ok
    ? { ok: true, value: reply.value }
    : { ok: false, failure: reply.failure };
  for (const asker of askers) out.reply(asker, body);
}

export const FAILED = { ok: false, failure: 'failed' } as const;
