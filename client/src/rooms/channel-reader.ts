import type { Emitter } from '../events.ts';
import type { Entry, HistoryPage } from '../wire/frames.ts';
import type { GapReader } from './gap-reader.ts';
import type { Position } from './positions.ts';

/** Live messages that wait for a gap to be filled; what comes beyond is read from the log too. */
const HELD_MAX = 1_000;

/** How often an end of the log before something that was named is read again: a copy of it may be behind. */
const SHORT_READS_MAX = 3;

/**
 * What an application gets of one channel.
 *
 * - Seqs are delivered one by one, each once, over all connections; what will never come is named first.
 * - While something is missing, it is read page by page, and what is live waits.
 * - `position` is the last seq that was delivered or named, and undefined until the channel's beginning is known.
 */
export class ChannelReader {
  readonly channel: string;
  /** Of which log the position is. */
  log: string | undefined;
  /** The server could not say yet what its position means: what it sends first does. */
  isUnplaced = false;
  readonly #emitter: Emitter;
  readonly #gaps: GapReader;
  #position: number | undefined;
  /** The message at the position, when one was delivered there. */
  #mark: Position | undefined;
  /** By seq, ascending: later than the position, and not the next one. */
  readonly #held = new Map<number, Entry>();
  /** Up to here there is something to be read. */
  #readTo = 0;
  #isReading = false;
  #shortReads = 0;
  /** Answers to what was asked before are stale: another connection, another log. */
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

  /** All there is to say about where it is. */
  get place(): Position | undefined {
    const seq = this.#position;
    if (seq === undefined) return undefined;
    const mark = this.#mark?.seq === seq ? this.#mark : { seq };
    return this.log === undefined ? mark : { ...mark, log: this.log };
  }

  /** Where a channel begins that was not known before. */
  begin(seq: number): void {
    this.#position ??= seq;
  }

  /** Everything from before means nothing. */
  reset(seq: number): void {
    this.lost();
    this.#position = seq;
    this.#mark = undefined;
  }

  /**
   * The log does not have what was sent after `seq`, and other messages come. False when nothing that was delivered is
   * gone: what is held may be, and what was missed before is still there.
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

  /** The connection is gone; the next one begins after the position. */
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

  /** The server will not send what is up to here. */
  gap(to: number): void {
    if (this.#isClosed) return;
    this.isUnplaced = false;
    // Without a position there is nothing that one could miss: it begins behind.
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

  /** The next one has come, and with it all that waited for it alone. */
  #delivered(entry: Entry): void {
    this.#deliver(entry);
    this.#drain();
    this.#readOn();
  }

  #deliver(entry: Entry): void {
    const { seq, id } = entry;
    this.#position = seq;
    this.#mark = entry.type === 'chat' ? { seq, id, from: entry.from } : { seq, id };
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

  /** The server does not have these any more; bounds inclusive. */
  #missed(from: number, to: number): void {
    this.#emitter.emit('missed', { channel: this.channel, from, to });
  }

  #took(page: HistoryPage, round: number): void {
    const before = this.#position;
    // The log has lost what waits, and this connection has not been told so yet.
    if (page.messages.some(({ seq, id }) => (this.#held.get(seq)?.id ?? id) !== id)) this.#held.clear();
    for (const entry of page.messages) {
      const next = (this.#position ?? 0) + 1;
      if (entry.seq < next) continue;
      // A log loses its beginning, never its middle: what is before its first message is gone.
      if (entry.seq > next) this.#missed(next, entry.seq - 1);
      // The listener may have left, or closed everything.
      if (round !== this.#round) return;
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

  /** What was named will not be had: up to the next message that is here. */
  #giveUp(): void {
    this.#shortReads = 0;
    const from = (this.#position ?? 0) + 1;
    const to = Math.min(this.#readTo, this.#firstHeld() - 1);
    const round = this.#round;
    if (to >= from) {
      this.#position = to;
      this.#missed(from, to);
    }
    if (round !== this.#round) return;
    this.#drain();
    this.#readOn();
  }
}
