import { clientChannel, type Channel } from '../protocol/channels.ts';
import type { LogChecker } from './log-checker.ts';
import type { Violate } from './violation.ts';

/** A message of a channel as a client gets it. */
export interface Shown {
  readonly seq: number;
  readonly id: string;
  readonly from: string | undefined;
  readonly content: string | undefined;
  readonly data: unknown;
  /** When the node handed it to its system. */
  readonly sentAt: number;
}

/** Where a client is: behind which message, if it was shown one there. */
export interface Seen {
  readonly seq: number;
  readonly id?: string;
  readonly from?: string | undefined;
}

/** A position as a request names it, and the log that it is of. */
export interface Asked {
  readonly since: number | Seen | undefined;
  /** It is said to be of another log than this connection's. */
  readonly isOfAnotherLog: boolean;
}

/** What a reply to `join` or `resume` says of one channel. */
export interface Placed {
  readonly seq: number;
  readonly gap?: { readonly from: number; readonly to: number };
  readonly reset?: boolean;
  readonly already?: boolean;
}

/**
 * What one connection must be shown next on each channel (invariants 3 and 4), and where its client is over all its
 * connections: nothing is skipped that was not named.
 */
export class Expectations {
  readonly #who: string;
  readonly #user: string;
  readonly #log: LogChecker;
  readonly #violate: Violate;
  /** Messages of a channel that are replayed; a gap names exactly what is before them. */
  readonly #replayMax: number;
  /** Where the client is in each channel, by its own names; kept across connections. */
  readonly #positions: Map<string, Seen>;
  /** The seq that must come next; undefined while the client cannot know. */
  readonly #next = new Map<string, number | undefined>();
  /** Right after which seq it was shown a channel first on this connection. */
  readonly #began = new Map<string, number>();
  /** Until when its token, or the one before, may have shown it every room; by virtual time. */
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

  /** Live from right after `seq`; undefined: from wherever it begins. */
  startAfter(name: string, seq: number | undefined): void {
    if (seq !== undefined && this.#next.get(name) === undefined) this.#began.set(name, seq);
    this.#next.set(name, seq === undefined ? undefined : seq + 1);
    if (seq !== undefined && seq > this.#seqOf(name)) this.#positions.set(name, { seq });
  }

  #seqOf(name: string): number {
    return this.#positions.get(name)?.seq ?? -1;
  }

  /** What it had is not what is there: live from right after `seq`. */
  restart(name: string, seq: number): void {
    this.forget(name);
    this.startAfter(name, seq);
  }

  leave(name: string): void {
    this.#began.delete(name);
    this.#next.delete(name);
  }

  /** Forgets where the client was: what it had is gone (a deleted room). */
  forget(name: string): void {
    this.#next.delete(name);
    this.#positions.delete(name);
  }

  /** The answer to a wish to go on after `since` (RQ1, RQ2). */
  placed(name: string, asked: Asked, reply: Placed): void {
    const { seq, gap, reset, already } = reply;
    const since = typeof asked.since === 'object' ? asked.since.seq : asked.since;
    if (seq > this.#log.head(this.#channel(name)))
      this.#violate(3, `${this.#who} is told that ${name} goes to ${seq}, further than the log`);
    if (this.#isForeign(name, asked)) {
      if (!reset)
        this.#violate(4, `${this.#who} is behind ${since} of another ${name}, and is not told of it`);
      return already ? undefined : this.restart(name, seq);
    }
    if (already && !reset) return this.#alreadyOn(name, since, gap);
    if (reset) {
      this.#violate(
        3,
        `${this.#who} had seen ${name} up to ${since}, and is told that it goes to ${seq} only`,
      );
      return this.startAfter(name, seq);
    }
    if (!gap) return this.startAfter(name, since ?? seq);
    const replayMax = this.#replayMax;
    if (since === undefined || gap.from !== since + 1 || gap.to < gap.from || gap.to !== seq - replayMax)
      this.#violate(
        4,
        `${this.#who} after ${since} of ${name} is told of a gap ${gap.from}..${gap.to}, head ${seq}`,
      );
    this.#positions.set(name, { seq: gap.to });
    this.startAfter(name, gap.to);
  }

  /** Whether the client has seen something there that this log does not have there. What was removed cannot be compared. */
  #isForeign(name: string, { since, isOfAnotherLog }: Asked): boolean {
    if (since === undefined || isOfAnotherLog) return since !== undefined;
    if (typeof since === 'number' || since.id === undefined) return false;
    const channel = this.#channel(name);
    const entry = this.#log.entry(channel, since.seq);
    if (!entry || since.seq <= this.#log.deletedTo(channel)) return false;
    const isSame = entry.id === since.id && (since.from === undefined || entry.sender === since.from);
    return !isSame;
  }

  /** It was live before it was asked for: what is missing between must be named. */
  #alreadyOn(name: string, since: number | undefined, gap: Placed['gap']): void {
    const began = this.#began.get(name);
    if (since === undefined || began === undefined) return;
    const missing = since < began ? `${since + 1}..${began}` : 'nothing';
    const named = gap ? `${gap.from}..${gap.to}` : 'nothing';
    if (missing !== named)
      this.#violate(
        4,
        `${this.#who} after ${since} of ${name}, live after ${began}, is told of a gap of ${named}`,
      );
  }

  /** A range that was named and will not be shown. */
  skipped(name: string, from: number, to: number): void {
    const next = this.#next.get(name);
    if (next !== undefined && from !== next)
      this.#violate(4, `${this.#who} waits for ${name} ${next}, and is told that ${from}..${to} is skipped`);
    this.startAfter(name, to);
  }

  shown(name: string, shown: Shown): void {
    const { seq, id, from, sentAt } = shown;
    if (!this.#next.has(name))
      return this.#violate(4, `${this.#who} is shown ${name} ${seq}, and is not on it`);
    const next = this.#next.get(name);
    if (next !== undefined && seq !== next)
      this.#violate(4, `${this.#who} is shown ${name} ${seq}, and ${next} is the next`);
    if (next === undefined) this.#began.set(name, seq - 1);
    this.#next.set(name, seq + 1);
    if (seq >= this.#seqOf(name)) this.#positions.set(name, { seq, id, from });
    const entry = this.#log.entry(this.#channel(name), seq);
    if (!entry || entry.committedAt > sentAt)
      return this.#violate(
        3,
        `${this.#who} is shown ${name} ${seq}, which was not in the log when it was sent`,
      );
    const entitledUntil = Math.max(this.#log.removedAt(this.#channel(name), this.#user), this.adminUntil);
    if (entry.committedAt > entitledUntil)
      this.#violate(
        3,
        `${this.#who} is shown ${name} ${seq}, which was stored after its user was removed (JW4)`,
      );
    const isRoom = name.startsWith('room:');
    const isSame =
      entry.id === id &&
      (isRoom
        ? entry.sender === shown.from && entry.content === shown.content
        : entry.data === JSON.stringify(shown.data));
    if (!isSame)
      this.#violate(3, `${this.#who} is shown ${name} ${seq} as ${id}, but the log has ${entry.id} there`);
  }

  /** After faults have ended: where it is, and is not at the head (invariant 5). */
  behind(): string[] {
    return [...this.#next].flatMap(([name, next]) => {
      const head = this.#log.head(this.#channel(name));
      return next === undefined || next === head + 1 ? [] : [`${name} ${next - 1} of ${head}`];
    });
  }
}
