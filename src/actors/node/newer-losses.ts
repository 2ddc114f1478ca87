import type { Loss } from '../../runtime/ports/revocations.ts';
import type { Removal } from '../../runtime/ports/members.ts';
import type { Incarnation } from '../../runtime/ports/placement.ts';
import type { Revocation } from '../../protocol/revocation.ts';
import { roomChannel } from '../../protocol/channels.ts';
import type { Effects } from '../kit/effects.ts';
import { LOG } from '../messages/log.ts';
import type { Eviction } from '../messages/relay.ts';
import type { NewerContext } from './sessions-context.ts';

/** Changes of one read. */
const NEWER_MAX = 1_000;

/** How far back the first look reads: a restarted actor has forgotten how far it had read. Numbers are times, or a little more. */
const FIRST_BACK_MS = 60_000;

/**
 * The rights that other nodes have taken away, read by number (D25): their word of it may be lost. A loss that was well before this
 * node's first look concerns no connection that it has.
 */
export class NewerLosses {
  readonly #deadlineMs: number;
  readonly #incarnation: Incarnation;
  /** The newest number that this node knows; undefined before the first look. */
  #number: number | undefined;
  #isReading = false;

  constructor(options: { readonly deadlineMs: number; readonly incarnation: Incarnation }) {
    this.#deadlineMs = options.deadlineMs;
    this.#incarnation = options.incarnation;
  }

  /** The database has changes up to this number. */
  newest(number: number, out: Effects): void {
    // A failover takes numbers back.
    this.#number = Math.min(this.#number ?? Math.max(0, number - FIRST_BACK_MS), number);
    if (number > this.#number) this.#ask(number, out);
  }

  #ask(newest: number, out: Effects): void {
    if (this.#isReading) return;
    this.#isReading = true;
    const request = { call: 'revokedAfter', number: this.#number ?? 0, limit: NEWER_MAX } as const;
    const context: NewerContext = { for: 'newer', newest };
    out.ask(LOG, { type: 'call', request }, { deadlineMs: this.#deadlineMs, context });
  }

  /**
   * Takes what was read; a read that failed is made again after the next look. It tells this node's relays of removals, and
   * returns the revocations.
   */
  read({ newest }: NewerContext, found: readonly Loss[] | undefined, out: Effects): readonly Revocation[] {
    this.#isReading = false;
    if (!found) return [];
    const isAll = found.length < NEWER_MAX;
    this.#number = isAll ? Math.max(this.#number ?? 0, newest) : found.at(-1)?.number;
    if (!isAll) this.#ask(newest, out);
    for (const loss of found)
      if (loss.kind === 'removal')
        out.publish(roomChannel(loss.room), [this.#incarnation], evictionBy(loss, loss.number));
    return found.filter((loss) => loss.kind === 'revocation');
  }
}

/** What the room's home says to all nodes, too. */
function evictionBy({ user, why }: Removal, number: number): Eviction {
  const users = user === null ? null : [user];
  const reason = why === 'deleted' ? 'closed' : 'removed';
  return { type: 'evict', users, spares: 'nobody', reason, number };
}
