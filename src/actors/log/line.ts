import type { ReplyTo } from '../../runtime/ports/actor.ts';
import type { StoreFailure, StoreReply, StoreRequest } from '../../runtime/ports/log-store.ts';
import type { LogReply } from '../messages.ts';
import type { Outbox } from '../outbox.ts';

/** One call of the store, and what is done with its reply. */
export interface Job {
  readonly request: StoreRequest;
  readonly settle: (reply: StoreReply, out: Outbox) => void;
}

/** One kind of work for the store: what waits of it, and how it becomes calls. */
export interface Line {
  /** Calls of this kind that may be under way at once. */
  readonly inFlightMax: number;
  /** Whether a caller waits longer: the store must have carried it out or undone it by then. */
  readonly isWrite: boolean;
  /** The next call, or undefined when nothing waits. */
  next(): Job | undefined;
  /** Everyone who waits is told that it cannot be done now. */
  refuseAll(out: Outbox): void;
}

/** Tells those who asked what they get, or that it failed. */
export function answer(
  out: Outbox,
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
