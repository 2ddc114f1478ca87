import { clientChannel, type Channel } from '../../protocol/channels.ts';
import type { Committed } from './histories.ts';
import type { LogChecker } from './log-checker.ts';
import type { Violate } from '../kit/violation.ts';

/** A message of a channel as a client gets it. */
export interface Shown {
  readonly seq: number;
  readonly id: string;
  readonly from: string | undefined;
  readonly timestamp: string;
  readonly content: string | undefined;
  readonly data: unknown;
  /** When the node handed it to its system. */
  readonly sentAt: number;
}

/** A client's position: the last message it was shown, if any. */
export interface Seen {
  readonly seq: number;
  readonly id?: string;
  readonly from?: string | undefined;
  readonly timestamp?: string;
}

/** A position as a request names it, and its log. */
export interface Asked {
  readonly since: number | Seen | undefined;
  /** The log that the request names: this connection's, another timeline of it, or another one. */
  readonly of: 'this' | 'another timeline' | 'another log';
  readonly sentAt: number;
}

/** The place of one channel in a reply to `join` or `resume`. */
export interface Placed {
  readonly seq: number;
  readonly gap?: { readonly from: number; readonly to: number };
  readonly reset?: boolean;
  readonly already?: boolean;
}

/**
 * What one connection must be shown next on each channel (invariants 3 and 4), and the client's positions over all its
 * connections: it must miss nothing that the server did not name.
 */
export class Expectations {
  readonly #who: string;
  readonly #user: string;
  readonly #log: LogChecker;
  readonly #violate: Violate;
  /** Messages of a channel that a node replays. A gap names exactly those before them. */
  readonly #replayMax: number;
  /** The client's position in each channel by the client's name for it; kept across connections. */
  readonly #positions: Map<string, Seen>;
  /** The seq that must come next; undefined while the client cannot know it. */
  readonly #next = new Map<string, number | undefined>();
  /** The last message shown, unless the client was notified that it is lost. */
  readonly #last = new Map<string, Committed>();
  /** The seq before the first message of each channel on this connection. */
  readonly #began = new Map<string, number>();
  /** Until when an admin token may have shown the client every room, in virtual time. */
  adminUntil = -Infinity;

  constructor(parts: {
    readonly who: string;
    readonly user: string;
    readonly log: LogChecker;
    readonly violate: Violate;
    readonly replayMax: number;
    readonly positions: Map<string, Seen>;
  }) {
    this.#who = parts.who;
    this.#user = parts.user;
    this.#log = parts.log;
    this.#violate = parts.violate;
    this.#replayMax = parts.replayMax;
    this.#positions = parts.positions;
  }

  #channel(name: string): Channel {
    const channel = clientChannel(name, this.#user);
    if (!channel) throw new Error(`${name} is no channel`);
    return channel;
  }

  rooms(): string[] {
    return [...this.#next.keys()].flatMap((name) => (name.startsWith('room:') ? [name.slice(5)] : []));
  }

  has(name: string): boolean {
    return this.#next.has(name);
  }

  /** Live messages from right after `seq`; undefined for any beginning. */
  startAfter(name: string, seq: number | undefined): void {
    if (seq !== undefined && this.#next.get(name) === undefined) this.#began.set(name, seq);
    this.#next.set(name, seq === undefined ? undefined : seq + 1);
    if (seq !== undefined && seq > this.#seqOf(name)) this.#positions.set(name, { seq });
  }

  #seqOf(name: string): number {
    return this.#positions.get(name)?.seq ?? -1;
  }

  /** The client's messages are not in the log: live from right after `seq`. */
  restart(name: string, seq: number): void {
    this.forget(name);
    this.startAfter(name, seq);
  }

  /** A pushed reset: the log does not have what the client was shown after `seq` (PU2). */
  reset(name: string, seq: number): void {
    const next = this.#next.get(name);
    const last = this.#last.get(name);
    const channel = this.#channel(name);
    if (next !== undefined && seq >= next)
      this.#violate(4, `${this.#who} waits for ${name} ${next}, and gets a reset to ${seq}`);
    const isLost = last !== undefined && !this.#log.has(channel, last);
    if (isLost && !this.#log.isRestOf(channel, last, seq))
      this.#violate(4, `${this.#who} learns that ${name} is what it was up to ${seq}, and it is not (PU2)`);
    // The client keeps the messages up to there.
    const began = Math.min(this.#began.get(name) ?? seq, seq);
    this.restart(name, seq);
    this.#began.set(name, began);
  }

  leave(name: string): void {
    this.#began.delete(name);
    this.#next.delete(name);
    this.#last.delete(name);
  }

  /** Forgets the client's position, because the room was deleted. */
  forget(name: string): void {
    this.#next.delete(name);
    this.#last.delete(name);
    this.#positions.delete(name);
  }

  /** The answer to a request to resume after `since` (RQ1, RQ2). */
  placed(name: string, asked: Asked, reply: Placed): void {
    const { seq, gap, reset, already } = reply;
    const since = typeof asked.since === 'object' ? asked.since.seq : asked.since;
    if (seq > this.#log.head(this.#channel(name), -Infinity))
      this.#violate(3, `${this.#who} learns that ${name} goes to ${seq}, further than the log`);
    const means = this.#meaning(name, asked);
    if (means === 'nothing' && !reset)
      this.#violate(4, `${this.#who} is behind ${since} of another ${name}, and is not told of it`);
    if (means !== 'a place' && reset) return already ? undefined : this.restart(name, seq);
    if (already && !reset) return this.#alreadyOn(name, since, gap);
    if (reset) {
      this.#violate(
        3,
        `${this.#who} had seen ${name} up to ${since}, and learns that it goes to ${seq} only`,
      );
      return this.startAfter(name, seq);
    }
    if (!gap) {
      const { id, from, timestamp } = typeof asked.since === 'object' ? asked.since : {};
      // What the log does not keep, or had for a part of the time only, proves nothing about what comes next.
      if (since !== undefined && id !== undefined && means === 'a place')
        this.#wasShown(name, this.#log.everAt(this.#channel(name), { seq: since, id, from, timestamp }));
      return this.startAfter(name, since ?? seq);
    }
    const replayMax = this.#replayMax;
    if (since === undefined || gap.from !== since + 1 || gap.to < gap.from || gap.to !== seq - replayMax)
      this.#violate(
        4,
        `${this.#who} after ${since} of ${name} gets a gap ${gap.from}..${gap.to}, head ${seq}`,
      );
    this.#positions.set(name, { seq: gap.to });
    this.startAfter(name, gap.to);
  }

  /**
   * What a position means in this log (RQ2). It means nothing where the log has another message, which a failover since the
   * request may have caused.
   */
  #meaning(name: string, { since, of, sentAt }: Asked): 'a place' | 'nothing' | 'either' {
    if (since === undefined) return 'a place';
    if (of === 'another log') return 'nothing';
    const [log, channel] = [this.#log, this.#channel(name)];
    const { seq, id, from, timestamp } = typeof since === 'object' ? since : { seq: since };
    if (id === undefined) {
      if (seq === 0) return 'a place';
      if (of === 'another timeline') return 'nothing';
      // If the node knew of a failover, the bare number means nothing; otherwise it may mean a place.
      return log.failovers === 0 ? 'a place' : 'either';
    }
    // A removed message cannot be compared.
    if (seq <= log.deletedTo(channel, sentAt)) return log.failovers === 0 ? 'a place' : 'either';
    const had = log.hadSince(channel, { seq, id, from, timestamp }, sentAt);
    if (had === 'sometimes') return 'either';
    return had === 'always' ? 'a place' : 'nothing';
  }

  /** The channel was live before the request, so the reply must name what is missing between. */
  #alreadyOn(name: string, since: number | undefined, gap: Placed['gap']): void {
    const began = this.#began.get(name);
    if (since === undefined || began === undefined) return;
    const missing = since < began ? `${since + 1}..${began}` : 'nothing';
    const named = gap ? `${gap.from}..${gap.to}` : 'nothing';
    if (missing !== named)
      this.#violate(4, `${this.#who} after ${since} of ${name}, live after ${began}, gets a gap of ${named}`);
  }

  /** A range that the server named and will not send. */
  skipped(name: string, from: number, to: number): void {
    const next = this.#next.get(name);
    if (next !== undefined && from !== next)
      this.#violate(4, `${this.#who} waits for ${name} ${next}, and learns that ${from}..${to} is skipped`);
    this.startAfter(name, to);
  }

  shown(name: string, shown: Shown): void {
    const { seq, id, from, timestamp } = shown;
    if (!this.#next.has(name))
      return this.#violate(4, `${this.#who} is shown ${name} ${seq}, and is not on it`);
    const next = this.#next.get(name);
    if (next !== undefined && seq !== next)
      this.#violate(4, `${this.#who} is shown ${name} ${seq}, and ${next} is the next`);
    if (next === undefined) this.#began.set(name, seq - 1);
    this.#next.set(name, seq + 1);
    if (seq >= this.#seqOf(name)) this.#positions.set(name, { seq, id, from, timestamp });
    const entry = this.#log.everAt(this.#channel(name), { seq, id, from, timestamp });
    this.#check(name, shown, entry);
    this.#wasShown(name, entry);
  }

  #wasShown(name: string, entry: Committed | undefined): void {
    if (entry) this.#last.set(name, entry);
    else this.#last.delete(name);
  }

  #check(name: string, { seq, id, content, data, sentAt }: Shown, entry: Committed | undefined): void {
    const channel = this.#channel(name);
    const isSame = name.startsWith('room:')
      ? entry?.content === content
      : entry?.data === JSON.stringify(data);
    if (!entry || !isSame) {
      const found = this.#log.entry(channel, seq)?.id ?? 'nothing';
      return this.#violate(
        3,
        `${this.#who} is shown ${name} ${seq} as ${id}, but the log has ${found} there`,
      );
    }
    if (entry.committedAt > sentAt)
      return this.#violate(
        3,
        `${this.#who} is shown ${name} ${seq}, which was not in the log when it was sent`,
      );
    const shownUntil = this.#log.slow.shownUntil(this.#log.removedAt(channel, this.#user));
    const entitledUntil = Math.max(shownUntil, this.adminUntil);
    if (entry.committedAt > entitledUntil)
      this.#violate(
        3,
        `${this.#who} is shown ${name} ${seq}, which was stored after its user was removed (JW4)`,
      );
    const last = this.#last.get(name);
    if (last && !this.#log.hadBoth(channel, last, entry))
      this.#violate(
        4,
        `${this.#who} is shown ${name} ${seq} ${id} after ${last.seq} ${last.id}, which is gone, and is not told (PU2)`,
      );
  }

  /** Channels that are not at the head after the end of the faults (invariant 5). */
  behind(): string[] {
    return [...this.#next].flatMap(([name, next]) => {
      const channel = this.#channel(name);
      const last = this.#last.get(name);
      if (last && !this.#log.has(channel, last))
        return [`${name} ${last.seq} ${last.id}, which is gone (PU2)`];
      const head = this.#log.head(channel);
      return next === undefined || next === head + 1 ? [] : [`${name} ${next - 1} of ${head}`];
    });
  }
}
