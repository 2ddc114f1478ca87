import type { Turn } from '../../runtime/ports/actor.ts';
import type { Incarnation } from '../../runtime/ports/placement.ts';
import type { EvictedUsers, OffReason, Spared } from '../messages.ts';
import type { Outbox } from '../outbox.ts';
import type { Access } from './access.ts';
import type { Ledger } from './ledger.ts';
import type { Presence, PresenceChange } from './presence.ts';

export interface EvictionsParts {
  readonly incarnation: Incarnation;
  readonly retryAfterMs: number;
  readonly access: Access;
  readonly presence: Presence;
  readonly ledger: Ledger;
  /** Others are told who is not present any more. */
  readonly changed: (changes: readonly PresenceChange[], turn: Turn, out: Outbox) => void;
}

/**
 * How those who lost their right are put off a room's channel: nothing that is published later reaches them (JW4).
 * It is said to relays whether somebody is known to be present or not: a new life of the home knows only those who
 * have said again that they are here, and the others would go on hearing what is not for them.
 */
export class Evictions {
  readonly #parts: EvictionsParts;

  constructor(parts: EvictionsParts) {
    this.#parts = parts;
  }

  /** Somebody is named: off with every connection, whatever right it has otherwise. */
  expel(user: string, turn: Turn, out: Outbox): void {
    this.#putOff(user, 'nobody', turn, out);
  }

  /** Everyone whose right is a member's, and who is none of these. */
  expelAllBut(members: ReadonlySet<string>, turn: Turn, out: Outbox): void {
    const { presence, changed } = this.#parts;
    for (const user of presence.users())
      if (!members.has(user)) changed(presence.expel(user, 'admins', turn), turn, out);
    this.#publish({ users: null, butFor: [...members], spares: 'admins' }, 'removed', out);
  }

  /** Everyone is off, and told that the room is closed; or, in effect, removed: there is no room any more. */
  closeAll(turn: Turn, out: Outbox, reason: OffReason = 'closed'): void {
    const { presence } = this.#parts;
    for (const user of presence.users()) presence.expel(user, 'nobody', turn);
    this.#publish({ users: null, spares: 'nobody' }, reason, out);
  }

  /** A change of rights may have been carried out without our hearing of it: everyone present is looked at anew. */
  judgeAgain(turn: Turn, out: Outbox): void {
    const { access, presence, retryAfterMs } = this.#parts;
    if (access.record?.isDeleted) return this.closeAll(turn, out);
    // Where there is no room, no scope helps. Who is not present is refused when he says that he is here.
    if (access.absence()) return presence.size > 0 ? this.closeAll(turn, out, 'lost') : undefined;
    for (const user of presence.users()) {
      access.check({ user, isAdmin: false }, turn, out, (refusal, at, later) => {
        // A right that cannot be read now is read later: it must not stay as it was for as long as somebody is here.
        if (refusal?.error === 'unavailable') later.arm('record', retryAfterMs);
        else if (refusal) this.#putOff(user, 'admins', at, later);
      });
    }
  }

  #putOff(user: string, spares: Spared, turn: Turn, out: Outbox): void {
    const { presence, changed } = this.#parts;
    changed(presence.expel(user, spares, turn), turn, out);
    this.#publish({ users: [user], spares }, 'removed', out);
  }

  #publish(who: EvictedUsers, reason: OffReason, out: Outbox): void {
    const { ledger, incarnation } = this.#parts;
    const nodes = new Set([...ledger.nodes, incarnation]);
    out.publish(ledger.channel, nodes, { type: 'evict', ...who, reason });
  }
}
