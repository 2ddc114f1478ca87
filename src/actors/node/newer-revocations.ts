import type { StoreCalls } from '../../runtime/ports/log-store.ts';
import type { Effects } from '../kit/effects.ts';
import { LOG } from '../messages/log.ts';
import type { NewerContext } from './sessions-context.ts';

/** Revocations of one read. */
const NEWER_MAX = 1_000;

type Read = StoreCalls['revokedAfter']['reply'];

/**
 * What other nodes have revoked, read by number (D25): their word of it may be lost. Nothing that was revoked before this node's
 * first look concerns a connection that it has.
 */
export class NewerRevocations {
  readonly #deadlineMs: number;
  /** The newest number that this node knows; undefined before the first look. */
  #number: number | undefined;
  #isReading = false;

  constructor(deadlineMs: number) {
    this.#deadlineMs = deadlineMs;
  }

  /** The database has revocations up to this number. */
  newest(number: number, out: Effects): void {
    // A failover takes numbers back.
    this.#number = Math.min(this.#number ?? number, number);
    if (number > this.#number) this.#ask(number, out);
  }

  #ask(newest: number, out: Effects): void {
    if (this.#isReading) return;
    this.#isReading = true;
    const request = { call: 'revokedAfter', number: this.#number ?? 0, limit: NEWER_MAX } as const;
    const context: NewerContext = { for: 'newer', newest };
    out.ask(LOG, { type: 'call', request }, { deadlineMs: this.#deadlineMs, context });
  }

  /** Takes what was read; a read that failed is made again after the next look. Returns the revocations. */
  read({ newest }: NewerContext, found: Read | undefined, out: Effects): Read {
    this.#isReading = false;
    if (!found) return [];
    const isAll = found.length < NEWER_MAX;
    this.#number = isAll ? Math.max(this.#number ?? 0, newest) : found.at(-1)?.number;
    if (!isAll) this.#ask(newest, out);
    return found;
  }
}
