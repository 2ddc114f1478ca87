import type { SetBan } from '../../actors/messages/home.ts';
import type { Channel } from '../../protocol/channels.ts';
import { EPOCH_MS, type Timeline } from '../kit/timeline.ts';

/**
 * How long after its end a node may still apply a ban: an answer of the store may be on its way, or the process may stand
 * still.
 */
const REMEMBERED_MS = 20_000;

interface Known {
  /** The last requested change. */
  last: SetBan;
  /** From when the ban certainly holds; infinite when it does not, or may not. */
  since: number;
  /** When that ban ends by itself at the earliest; infinite for one without an end. */
  endsAt: number;
  /** Until when a ban may have existed; infinite when one may exist now. */
  mayUntil: number;
  /** Changes without a certain answer. Each may still be carried out, because changes of rights are not fenced. */
  readonly loose: Set<SetBan>;
}

/** The bans that a back end may rely on after its requests (JW7). */
export class Bans {
  readonly #timeline: Timeline;
  readonly #known = new Map<string, Known>();

  constructor(timeline: Timeline) {
    this.#timeline = timeline;
  }

  /** From when the user must not get anything of the channel; infinite while they may. */
  since(channel: Channel, user: string): number {
    const known = this.#known.get(keyOf(channel, user));
    return known && this.#timeline.now < known.endsAt ? known.since : Infinity;
  }

  /** Whether the user may have been banned at some time since then. */
  mayHaveBeen(channel: Channel, user: string, since: number): boolean {
    return (this.#known.get(keyOf(channel, user))?.mayUntil ?? -Infinity) >= since;
  }

  asked(channel: Channel, change: SetBan): void {
    const key = keyOf(channel, change.user);
    const known = this.#known.get(key) ?? {
      last: change,
      since: Infinity,
      endsAt: Infinity,
      mayUntil: -Infinity,
      loose: new Set<SetBan>(),
    };
    this.#known.set(key, known);
    known.last = change;
    known.loose.add(change);
    if (change.type === 'unban') known.since = Infinity;
    else {
      known.mayUntil = Infinity;
      // It may replace the ban that holds, and end earlier.
      known.endsAt = Math.min(known.endsAt, endOf(change));
    }
  }

  /** `outcome`: the change was carried out, certainly was not, or may have been. */
  answered(channel: Channel, change: SetBan, outcome: 'done' | 'not done' | 'unknown'): void {
    const known = this.#known.get(keyOf(channel, change.user));
    if (!known || outcome === 'unknown') return;
    known.loose.delete(change);
    if (outcome === 'not done' || known.last !== change) return;
    const isUndoable = (type: SetBan['type']): boolean =>
      [...known.loose].some((other) => other.type === type);
    const { now } = this.#timeline;
    if (change.type === 'unban') {
      if (!isUndoable('ban')) known.mayUntil = now;
      return;
    }
    if (!isUndoable('unban')) known.since = now;
    known.endsAt = Math.min(...[change, ...known.loose].map(endOf));
    const endsAt = endOf(change);
    if (endsAt === Infinity) return;
    this.#timeline.after(Math.max(0, endsAt - now), () => {
      if (known.last === change && !isUndoable('ban'))
        known.mayUntil = Math.min(known.mayUntil, endsAt + REMEMBERED_MS);
    });
  }

  /** A deleted room has no bans, and neither has a later room with its name. */
  deleted(channel: Channel): void {
    for (const [key, known] of this.#known) if (key.startsWith(`${channel}\n`)) known.since = Infinity;
  }

  /** The failover may have undone some changes, also the end of a ban. */
  failedOver(): void {
    for (const known of this.#known.values()) {
      known.since = Infinity;
      if (known.mayUntil > -Infinity) known.mayUntil = Infinity;
    }
  }
}

/** When a ban ends by itself, by the database's clock; infinite for one without an end, and for an unban. */
function endOf(change: SetBan): number {
  return change.type === 'unban' || change.until === null ? Infinity : change.until - EPOCH_MS;
}

function keyOf(channel: Channel, user: string): string {
  return `${channel}\n${user}`;
}
