import type { Channel } from '../../protocol/channels.ts';

/** An entry as it was committed. */
export interface Committed {
  readonly seq: number;
  readonly id: string;
  readonly sender: string;
  readonly content: string;
  readonly data: string | null;
  readonly epoch: number;
  /** When it was stored, as frames have it. */
  readonly timestamp: string;
  /** Virtual milliseconds. */
  readonly committedAt: number;
}

/** Identifies a message at its place, as frames do. On `broadcast` and `user` it has no sender. */
export interface Mark {
  readonly seq: number;
  readonly id: string;
  readonly from?: string | undefined;
  readonly timestamp?: string | undefined;
}

/** The history of a channel. */
export interface Row {
  /** Every committed entry, also deleted ones. */
  readonly entries: Map<number, Committed>;
  /** Existing entries by sender and id. */
  readonly byKey: Map<string, Committed>;
  /** The seq up to which every entry is deleted. */
  deletedTo: number;
  /** The owner of each epoch. */
  readonly owners: Map<number, string>;
  epoch: number;
  head: number;
}

export type Rows = ReadonlyMap<Channel, Row>;

interface History {
  readonly rows: Map<Channel, Row>;
  /** When the database failed over to a standby that had less. */
  endedAt: number;
}

function copyOf(row: Row): Row {
  const { entries, byKey, owners } = row;
  return { ...row, entries: new Map(entries), byKey: new Map(byKey), owners: new Map(owners) };
}

/**
 * The log now, and on earlier timelines (D21). Invariants hold within one timeline. A process or client may have learned
 * something from the previous one.
 */
export class Histories {
  /** The newest one first. */
  #all: readonly [History, ...History[]] = [{ rows: new Map(), endedAt: Infinity }];

  /** How often the database has failed over. */
  get failovers(): number {
    return this.#all.length - 1;
  }

  protected row(channel: Channel): Row {
    const { rows } = this.#all[0];
    let row = rows.get(channel);
    if (!row) {
      row = { entries: new Map(), byKey: new Map(), deletedTo: 0, owners: new Map(), epoch: 0, head: 0 };
      rows.set(channel, row);
    }
    return row;
  }

  protected copyOfRows(): Rows {
    return new Map([...this.#all[0].rows].map(([channel, row]) => [channel, copyOf(row)]));
  }

  /** The log continues from this copy, on a new timeline. */
  protected goOnWith(copy: Rows, now: number): void {
    const [current, ...past] = this.#all;
    current.endedAt = now;
    this.#all = [{ rows: new Map(copy), endedAt: Infinity }, current, ...past];
  }

  /** A channel now, and on each timeline that ended after `since`, the newest first. */
  protected since(channel: Channel, since = Infinity): (Row | undefined)[] {
    const [current, ...past] = this.#all;
    if (past.length === 0) return [current.rows.get(channel)];
    return this.#all.filter(({ endedAt }) => endedAt >= since).map(({ rows }) => rows.get(channel));
  }

  // --- the log now and recently: with `since`, on every timeline that ended later

  head(channel: Channel, since = Infinity): number {
    return Math.max(...this.since(channel, since).map((row) => row?.head ?? 0));
  }

  entry(channel: Channel, seq: number): Committed | undefined {
    return this.since(channel)[0]?.entries.get(seq);
  }

  find(channel: Channel, sender: string, id: string): Committed | undefined {
    return this.since(channel)[0]?.byKey.get(keyOf(sender, id));
  }

  /** As {@link find}, but at the seq that an answer named, if it was there recently. */
  findAt(channel: Channel, { sender, id }: Key, seq: number, since: number): Committed | undefined {
    const found = this.since(channel, since).map((row) => row?.byKey.get(keyOf(sender, id)));
    return found.find((entry) => entry?.seq === seq) ?? found[0];
  }

  deletedTo(channel: Channel, since = Infinity): number {
    return Math.max(...this.since(channel, since).map((row) => row?.deletedTo ?? 0));
  }

  /** The message that was there when it was shown. */
  everAt(channel: Channel, mark: Mark): Committed | undefined {
    return this.since(channel, -Infinity)
      .find((row) => holds(row, mark))
      ?.entries.get(mark.seq);
  }

  /** Whether the log has everything up to this entry. */
  has(channel: Channel, entry: Committed): boolean {
    return this.#isIn(this.since(channel)[0], channel, entry);
  }

  /** Whether it was there all the time since then, some of it, or never. */
  hadSince(channel: Channel, mark: Mark, since: number): 'always' | 'sometimes' | 'never' {
    const rows = this.since(channel, since);
    const having = rows.filter((row) => holds(row, mark));
    if (having.length === 0) return 'never';
    return having.length === rows.length ? 'always' : 'sometimes';
  }

  /** Whether the log had both at one time, with the same messages before the first. */
  hadBoth(channel: Channel, one: Committed, other: Committed): boolean {
    return this.#having(channel, other).some((row) => this.#isIn(row, channel, one));
  }

  /** Whether a failover lost the entry but kept everything up to `seq`. */
  isRestOf(channel: Channel, entry: Committed, seq: number): boolean {
    const [having] = this.#having(channel, entry);
    const lacking = this.since(channel, -Infinity).filter((row) => !this.#isIn(row, channel, entry));
    return lacking.some((row) => agree(having, row, seq));
  }

  #having(channel: Channel, entry: Committed): (Row | undefined)[] {
    return this.since(channel, -Infinity).filter((row) => row?.entries.get(entry.seq) === entry);
  }

  #isIn(row: Row | undefined, channel: Channel, entry: Committed): boolean {
    return agree(this.#having(channel, entry)[0], row, entry.seq);
  }

  /**
   * Whether a room may be reported as closed to a client at `seq`: the room was deleted, and since then only writers that
   * need no right have written. A node may have reported a deletion that a failover lost.
   */
  isClosedTo(channel: Channel, seq: number): boolean {
    return this.since(channel, -Infinity).some((row) => isClosed(row, seq));
  }
}

/** The key that finds a message, whatever its seq. */
interface Key {
  readonly sender: string;
  readonly id: string;
}

export function keyOf(sender: string, id: string): string {
  return `${sender}\n${id}`;
}

function holds(row: Row | undefined, { seq, id, from, timestamp }: Mark): boolean {
  const entry = row?.entries.get(seq);
  if (entry?.id !== id || (timestamp !== undefined && entry.timestamp !== timestamp)) return false;
  return from === undefined || entry.sender === from;
}

/** Whether both have the same messages up to there. A message that they share is the same object in both. */
function agree(one: Row | undefined, other: Row | undefined, seq: number): boolean {
  return seq <= 0 || (one?.entries.get(seq) ?? one) === (other?.entries.get(seq) ?? other);
}

/** Whether every message up to there is deleted, or of a writer that needs no right. */
function isClosed(row: Row | undefined, seq: number): boolean {
  const upTo = Math.min(seq, row?.head ?? 0);
  for (let at = (row?.deletedTo ?? 0) + 1; at <= upTo; at++)
    if (!row?.entries.get(at)?.sender.startsWith('svc:')) return false;
  return true;
}
