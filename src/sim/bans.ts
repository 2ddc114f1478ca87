import type { SetBan } from '../actors/messages.ts';
import type { Channel } from '../protocol/channels.ts';
import { EPOCH_MS } from './sim-clock.ts';
import type { Timeline } from './timeline.ts';

/** A node may remember a ban for as long after its end as an answer of the store was on its way, or it stood still. */
const REMEMBERED_MS = 20_000;

interface Known {
  /** The last change that was asked for. */
  last: SetBan;
  /** From when on the ban holds for certain; infinite: it does not, or may not. */
  since: number;
  /** Until when there may have been one; infinite: there may be one now. */
  mayUntil: number;
  /** Without a sure answer: each may be carried out at any time after, for changes of rights are not fenced. */
  readonly loose: Set<SetBan>;
}

/** Who is banned from where, as a back end may believe that has banned them (JW7). */
export class Bans {
  readonly #timeline: Timeline;
  readonly #known = new Map<string, Known>();

  constructor(timeline: Timeline) {
    this.#timeline = timeline;
  }

  /** From when on nothing of the channel is for this user; infinite: it may be. */
  since(channel: Channel, user: string): number {
    return this.#known.get(keyOf(channel, user))?.since ?? Infinity;
  }

  /** Whether somebody may have been banned at some time since then. */
  mayHaveBeen(channel: Channel, user: string, since: number): boolean {
    return (this.#known.get(keyOf(channel, user))?.mayUntil ?? -Infinity) >= since;
  }

  asked(channel: Channel, change: SetBan): void {
    const key = keyOf(channel, change.user);
    const known = this.#known.get(key) ?? {
      last: change,
      since: Infinity,
      mayUntil: -Infinity,
      loose: new Set<SetBan>(),
    };
    this.#known.set(key, known);
    known.last = change;
    known.loose.add(change);
    if (change.type === 'ban') known.mayUntil = Infinity;
    else known.since = Infinity;
  }

  /** `outcome`: it was done, it certainly was not, or nobody knows. */
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
    if (change.until === null) return;
    // It is over by itself, by the database's clock.
    const endsAt = change.until - EPOCH_MS;
    this.#timeline.after(Math.max(0, endsAt - now), () => {
      if (known.last !== change) return;
      known.since = Infinity;
      if (!isUndoable('ban')) known.mayUntil = Math.min(known.mayUntil, endsAt + REMEMBERED_MS);
    });
  }

  /** A room that was deleted has no bans, nor has one of that name that is made later. */
  deleted(channel: Channel): void {
    for (const [key, known] of this.#known) if (key.startsWith(`${channel}\n`)) known.since = Infinity;
  }

  /** Some of what was done may be undone, and what was taken back may be in force again. */
  failedOver(): void {
    for (const known of this.#known.values()) {
      known.since = Infinity;
      if (known.mayUntil > -Infinity) known.mayUntil = Infinity;
    }
  }
}

function keyOf(channel: Channel, user: string): string {
  return `${channel}\n${user}`;
}
