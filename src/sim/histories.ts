import type { Channel } from '../protocol/channels.ts';

/** An entry as it was committed. */
export interface Committed {
  readonly seq: number;
  readonly id: string;
  readonly sender: string;
  readonly content: string;
  readonly data: string | null;
  readonly epoch: number;
  /** Virtual milliseconds. */
  readonly committedAt: number;
}

/** What is told apart from other messages at its place; on the two channels of everyone nobody says who has sent it. */
export interface Mark {
  readonly seq: number;
  readonly id: string;
  readonly from?: string | undefined;
}

/** What a channel has had. */
export interface Row {
  /** Everything that was ever committed: what is deleted was there. */
  readonly entries: Map<number, Committed>;
  /** What is there, by sender and id. */
  readonly byKey: Map<string, Committed>;
  /** Up to here everything has been deleted. */
  deletedTo: number;
  /** Who was granted an epoch. */
  readonly owners: Map<number, string>;
  epoch: number;
  head: number;
}

export type Rows = ReadonlyMap<Channel, Row>;

interface History {
  readonly rows: Map<Channel, Row>;
  /** When the database failed over to one that had less. */
  endedAt: number;
}

function copyOf(row: Row): Row {
  const { entries, byKey, owners } = row;
  return { ...row, entries: new Map(entries), byKey: new Map(byKey), owners: new Map(owners) };
}

/**
 * What the log is, and what it was on the timelines before this one (D21). Invariants hold within one; what a process or a
 * client was told lately may be of the one before.
 */
export class Histories {
  /** The newest first. */
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

  /** The log is what it was when this copy was made, and another one from here on. */
  protected goOnWith(copy: Rows, now: number): void {
    const [current, ...past] = this.#all;
    current.endedAt = now;
    this.#all = [{ rows: new Map(copy), endedAt: Infinity }, current, ...past];
  }

  /** A channel as it is, and as it was on every timeline that ended after `since`: the newest first. */
  protected since(channel: Channel, since = Infinity): (Row | undefined)[] {
    const [current, ...past] = this.#all;
    if (past.length === 0) return [current.rows.get(channel)];
    return this.#all.filter(({ endedAt }) => endedAt >= since).map(({ rows }) => rows.get(channel));
  }

  // --- what it is, and what it was lately: `since` asks of every timeline that ended later than that

  head(channel: Channel, since = Infinity): number {
    return Math.max(...this.since(channel, since).map((row) => row?.head ?? 0));
  }

  entry(channel: Channel, seq: number): Committed | undefined {
    return this.since(channel)[0]?.entries.get(seq);
  }

  find(channel: Channel, sender: string, id: string): Committed | undefined {
    return this.since(channel)[0]?.byKey.get(keyOf(sender, id));
  }

  /** As {@link find}, but where it was told to be, if it was there lately. */
  findAt(channel: Channel, { sender, id }: Key, seq: number, since: number): Committed | undefined {
    const found = this.since(channel, since).map((row) => row?.byKey.get(keyOf(sender, id)));
    return found.find((entry) => entry?.seq === seq) ?? found[0];
  }

  deletedTo(channel: Channel, since = Infinity): number {
    return Math.max(...this.since(channel, since).map((row) => row?.deletedTo ?? 0));
  }

  /** What was there when it was shown; `after`: what was shown before it, which may say of two which it was. */
  everAt(channel: Channel, mark: Mark, after?: Committed): Committed | undefined {
    const rows = this.since(channel, -Infinity).filter((row) => holds(row, mark));
    const row = after && rows.find((one) => this.#isIn(one, channel, after));
    return (row ?? rows[0])?.entries.get(mark.seq);
  }

  /** Whether the log has what is up to this entry. */
  has(channel: Channel, entry: Committed): boolean {
    return this.#isIn(this.since(channel)[0], channel, entry);
  }

  /** Whether it was there all the time since then, some of it, or never. */
  hadSince(channel: Channel, mark: Mark, since: number): 'always' | 'sometimes' | 'never' {
    const rows = this.since(channel, since);
    const having = rows.filter((row) => holds(row, mark));
    if (having.length === 0) return 'never';
    // Lost, and sent again, it may come to be where it was.
    const isOld = having.every((row) => (row?.entries.get(mark.seq)?.committedAt ?? Infinity) <= since);
    return isOld && having.length === rows.length ? 'always' : 'sometimes';
  }

  /** Whether there was a time at which the log had both, and the same before the first. */
  hadBoth(channel: Channel, one: Committed, other: Committed): boolean {
    return this.#having(channel, other).some((row) => this.#isIn(row, channel, one));
  }

  /** Whether a failover has lost the entry, and has left what is up to `seq`. */
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
   * Whether a room may be called closed to who is at `seq`: it was deleted, and only what needs no right has written since.
   * A deletion that is lost has been told all the same.
   */
  isClosedTo(channel: Channel, seq: number): boolean {
    return this.since(channel, -Infinity).some((row) => isClosed(row, seq));
  }
}

/** By which a message is found, whatever its seq. */
interface Key {
  readonly sender: string;
  readonly id: string;
}

export function keyOf(sender: string, id: string): string {
  return `${sender}\n${id}`;
}

function holds(row: Row | undefined, { seq, id, from }: Mark): boolean {
  const entry = row?.entries.get(seq);
  return entry?.id === id && (from === undefined || entry.sender === from);
}

/** Whether both have the same messages up to there. What one has of the other's time is the same object in both. */
function agree(one: Row | undefined, other: Row | undefined, seq: number): boolean {
  for (let at = seq; at > 0; at--) {
    const [mine, yours] = [one?.entries.get(at), other?.entries.get(at)];
    if (mine && mine === yours) return true;
    if (!mine || mine.id !== yours?.id || mine.sender !== yours.sender) return false;
  }
  return true;
}

/** Whether nothing up to there is of anybody who needs a right, but what was deleted. */
function isClosed(row: Row | undefined, seq: number): boolean {
  const upTo = Math.min(seq, row?.head ?? 0);
  for (let at = (row?.deletedTo ?? 0) + 1; at <= upTo; at++)
    if (!row?.entries.get(at)?.sender.startsWith('svc:')) return false;
  return true;
}
