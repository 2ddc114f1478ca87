import type { Emitter } from '../events.ts';
import type { Entry, HistoryPage } from '../wire/frames.ts';
import type { GapReader } from './gap-reader.ts';
import type { Position } from './positions.ts';

/** Live messages that may wait for a gap to be filled. The reader reads further ones from the log too. */
const HELD_MAX = 1_000;

/** How often the reader retries when the log ends before a seq that the server named: a replica may lag. */
const SHORT_READS_MAX = 3;

/**
 * Delivers one channel to an application.
 *
 * - It delivers seqs in order, each once, over all connections. It names missing messages before it continues.
 * - While messages are missing, it reads them page by page, and live messages wait.
 * - `position` is the last seq that was delivered or named as missing; undefined until the channel's beginning is known.
 */
export class ChannelReader {
  readonly channel: string;
  /** The log that the position belongs to. */
  log: string | undefined;
  /** The server could not place the position yet. Its first message decides. */
  isUnplaced = false;
  readonly #emitter: Emitter;
  readonly #gaps: GapReader;
  #position: number | undefined;
  /** The message at the position, if it was delivered. */
  #mark: Position | undefined;
  /** Waiting messages by seq, ascending, behind the next one. */
  readonly #held = new Map<number, Entry>();
  /** The seq up to which messages must be read. */
  #readTo = 0;
  #isReading = false;
  #shortReads = 0;
  /** Answers of earlier rounds are outdated: the connection or the log has changed. */
  #round = 0;
  #isClosed = false;

  constructor(channel: string, emitter: Emitter, gaps: GapReader, position?: Position) {
    this.channel = channel;
    this.#emitter = emitter;
    this.#gaps = gaps;
    this.#mark = position;
    this.#position = position?.seq;
    this.log = position?.log;
  }

  get position(): number | undefined {
    return this.#position;
  }

  /** The position with its message and its log. */
  get place(): Position | undefined {
    const seq = this.#position;
    if (seq === undefined) return undefined;
    const mark = this.#mark?.seq === seq ? this.#mark : { seq };
    return this.log === undefined ? mark : { ...mark, log: this.log };
  }

  /** Sets the beginning of a new channel. */
  begin(seq: number): void {
    this.#position ??= seq;
  }

  /** Drops everything, because the log is another one. */
  reset(seq: number): void {
    this.lost();
    this.#position = seq;
    this.#mark = undefined;
  }

  /**
   * The log has lost the messages sent after `seq`, and others follow. False when it has lost no delivered message: waiting
   * ones may be lost, and a gap before them still exists.
   */
  rewound(seq: number): boolean {
    const isGone = this.isUnplaced || (this.#position ?? Infinity) > seq;
    if (isGone) this.reset(seq);
    else {
      this.lost();
      this.gap(seq);
    }
    return isGone;
  }

  /** The connection is lost. The next one continues after the position. */
  lost(): void {
    this.#round++;
    this.isUnplaced = false;
    this.#isReading = false;
    this.#readTo = 0;
    this.#held.clear();
  }

  close(): void {
    this.lost();
    this.#isClosed = true;
  }

  /** The server will not send the messages up to here. */
  gap(to: number): void {
    if (this.#isClosed) return;
    this.isUnplaced = false;
    // Without a position no message can be missing. The channel begins after the gap.
    if (this.#position === undefined) this.#position = to;
    this.#readTo = Math.max(this.#readTo, to);
    this.#readOn();
  }

  take(entry: Entry): void {
    if (this.#isClosed) return;
    this.isUnplaced = false;
    const { seq } = entry;
    const position = (this.#position ??= seq - 1);
    if (seq <= position) return;
    if (seq === position + 1) return this.#delivered(entry);
    if (this.#held.size < HELD_MAX) this.#held.set(seq, entry);
    else this.#readTo = Math.max(this.#readTo, seq);
    if (!this.#isReading) this.#readTo = Math.max(this.#readTo, this.#firstHeld() - 1);
    this.#readOn();
  }

  /** Delivers the next message, and those that waited only for it. */
  #delivered(entry: Entry): void {
    this.#deliver(entry);
    this.#drain();
    this.#readOn();
  }

  #deliver(entry: Entry): void {
    const { seq, id, timestamp } = entry;
    this.#position = seq;
    this.#mark = { seq, id, timestamp, ...(entry.type === 'chat' && { from: entry.from }) };
    this.#emitter.deliver(entry);
  }

  #drain(): void {
    while (!this.#isClosed) {
      const first = this.#firstHeld();
      const next = (this.#position ?? 0) + 1;
      if (first > next) return;
      const entry = this.#held.get(first);
      this.#held.delete(first);
      if (entry && first === next) this.#deliver(entry);
    }
  }

  #firstHeld(): number {
    for (const seq of this.#held.keys()) return seq;
    return Infinity;
  }

  #readOn(isAgain = false): void {
    if (this.#isClosed || this.#isReading || this.#position === undefined) return;
    const first = this.#firstHeld();
    if (this.#position >= this.#readTo && first === Infinity) return;
    if (this.#position >= this.#readTo) this.#readTo = first - 1;
    this.#isReading = true;
    const round = this.#round;
    const done = (page: HistoryPage | undefined): void => {
      if (round !== this.#round) return;
      this.#isReading = false;
      if (page) this.#took(page, round);
      else this.#giveUp();
    };
    const isWanted = (): boolean => !this.#isClosed;
    this.#gaps.read({ channel: this.channel, after: this.#position, done, isWanted }, isAgain);
  }

  /** Moves on to `to`, and reports the messages up to there as missing. */
  #miss(to: number): void {
    const from = (this.#position ?? 0) + 1;
    if (to < from) return;
    this.#position = to;
    this.#emitter.emit('missed', { channel: this.channel, from, to });
  }

  #took(page: HistoryPage, round: number): void {
    const before = this.#position;
    // The log has lost the waiting messages, but the connection has not reported that yet.
    if (page.messages.some(({ seq, id }) => (this.#held.get(seq)?.id ?? id) !== id)) this.#held.clear();
    for (const entry of page.messages) {
      const { seq } = entry;
      if (seq <= (this.#position ?? 0)) continue;
      // A log loses its beginning, never its middle. Messages before its first one are gone.
      this.#miss(Math.min(seq - 1, this.#readTo));
      // The listener may have left the room or closed the client.
      if (round !== this.#round) return;
      // Later ones come live. If the log loses one that the connection has not sent, no reset tells the client.
      if (seq > this.#readTo) break;
      this.#deliver(entry);
      if (round !== this.#round) return;
    }
    this.#drain();
    if (round !== this.#round) return;
    const isShort = this.#position === before && (this.#position ?? 0) < this.#readTo;
    this.#shortReads = isShort ? this.#shortReads + 1 : 0;
    if (this.#shortReads > SHORT_READS_MAX) return this.#giveUp();
    this.#readOn(isShort);
  }

  /** Gives up on missing messages, up to the next one that is here. */
  #giveUp(): void {
    this.#shortReads = 0;
    const round = this.#round;
    this.#miss(Math.min(this.#readTo, this.#firstHeld() - 1));
    if (round !== this.#round) return;
    this.#drain();
    this.#readOn();
  }
}
