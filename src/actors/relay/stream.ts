import type { Channel } from '../../protocol/channels.ts';
import type { Answer, Awaits } from '../../runtime/ports/actor.ts';
import type { Entry, Place } from '../../runtime/ports/log-store.ts';
import type { Incarnation } from '../../runtime/ports/placement.ts';
import { batchOf, reachedBy, resetBatch } from '../kit/frames.ts';
import { LOG, type LogReply, type PageReply } from '../messages/log.ts';
import type { Effects } from '../kit/effects.ts';
import type { Fanout } from './fanout.ts';
import { Proof, type ProofContext, type Proven } from './proof.ts';
import type { Shown } from './trail.ts';

/** Publications that the relay keeps while it reads a gap before them, by UTF-16 length. It reads further ones too (D9). */
const HELD_SIZE_MAX = 1024 * 1024;

/** The pause after a failed read. */
const RETRY_MS = 1_000;

export interface PageLimits {
  readonly limit: number;
  readonly bytesMax: number;
}

export interface ReadLimits {
  /** The time that a home or the log has to answer. */
  readonly deadlineMs: number;
  /** The bounds of one read from the log (D10). */
  readonly page: PageLimits;
}

export interface RelayOptions extends ReadLimits {
  readonly incarnation: Incarnation;
  readonly retryAfterMs: number;
}

/** Up to where a channel was shown, and which messages were shown last. */
export interface HibernatedStream {
  readonly last: number;
  readonly marks: readonly Shown[];
  /** No answer that may still come is of a later round than this. */
  readonly round: number;
}

export interface StreamContext extends Awaits<PageReply> {
  readonly for: 'gap';
  /** Each proof raises it: answers to earlier reads do not count. */
  readonly round: number;
  readonly after: number;
  readonly upTo: number;
}

/**
 * The order in which a relay shows a channel (invariant 4): seq by seq from where it began. The relay reads missing entries
 * from the log before it shows later ones.
 *
 * - `#last` is the newest seq that the fan-out has; `#known` the newest one that the relay heard of. They are equal when
 *   nothing is missing.
 * - A log may lose its end (D21). On a sign of that the relay compares what it showed with the log, and shows nothing
 *   meanwhile. A subscriber that got lost entries gets a `reset`.
 */
export class Stream {
  readonly #channel: Channel;
  readonly #fanout: Fanout;
  readonly #limits: ReadLimits;
  #last: number | undefined;
  #known = 0;
  #held: Entry[] = [];
  #heldSize = 0;
  #isReading = false;
  /** The fan-out has too much to write: the relay reads nothing until that is written. */
  #isFull = false;
  /** A read failed: the next one begins after the pause. */
  #isPausing = false;
  readonly #proof: Proof;
  /** The newest seq that the relay heard of during a proof. */
  #heardMeanwhile = 0;
  #round = 0;

  constructor(channel: Channel, fanout: Fanout, limits: ReadLimits) {
    this.#channel = channel;
    this.#fanout = fanout;
    this.#limits = limits;
    this.#proof = new Proof(channel, limits.deadlineMs);
  }

  /** Continues after `sealed`, up to which an earlier generation has shown the channel, once a proof has confirmed that. */
  follow(earlier: Stream, sealed: number, out: Effects): void {
    if (earlier.#last === undefined) return;
    this.#last = sealed;
    this.#fanout.sealed = sealed;
    this.#proof.trail.add(earlier.#proof.trail.upTo(sealed));
    this.prove(out);
  }

  /** The state from which the stream can continue. Undefined while anything is under way. */
  hibernate(round: number): HibernatedStream | undefined {
    const last = this.#last;
    const isBusy = this.#isReading || this.#isFull || this.#isPausing || this.isProving;
    if (last === undefined || last < this.#known || isBusy) return undefined;
    const marks = this.#proof.trail.upTo(last);
    return {
      last,
      marks: marks.length > 0 ? marks : NO_MARKS,
      round: Math.max(round, this.#round, this.#proof.round),
    };
  }

  wake({ last, marks, round }: HibernatedStream): void {
    this.#last = last;
    this.#fanout.sealed = last;
    this.#proof.trail.add(marks);
    this.#round = this.#proof.round = round;
  }

  /** The newest seq that the relay showed; 0 before the first. */
  get shown(): number {
    return this.#last ?? 0;
  }

  get isProving(): boolean {
    return this.#proof.isRunning;
  }

  /**
   * Takes the log's head: the stream begins there, or has to reach it. Returns the newest seq that the relay heard of, since
   * the home may have published more during the read. `mark`: the entry that the subscriber has seen, if it named one.
   */
  headRead(head: number, mark: Shown | undefined, out: Effects): number {
    if (this.#last === undefined) {
      this.#last = head;
      this.#fanout.sealed = head;
    }
    if (mark) this.note(mark);
    this.heardOf(head, out);
    return this.#known;
  }

  heardOf(head: number, out: Effects): void {
    if (this.isProving) this.#heardMeanwhile = Math.max(this.#heardMeanwhile, head);
    else this.#known = Math.max(this.#known, head);
    this.fill(out);
  }

  published(entries: readonly Entry[], out: Effects): void {
    const newest = entries[entries.length - 1]?.seq ?? 0;
    const last = this.#last;
    if (last === undefined) {
      this.#known = Math.max(this.#known, newest);
      return;
    }
    if (this.isProving) return this.heardOf(newest, out);
    const fresh = entries[0]?.seq === last + 1 ? entries : entries.filter((entry) => entry.seq > last);
    if (fresh !== entries && entries.some((entry) => this.#proof.trail.contradicts(entry))) {
      this.prove(out);
      return this.heardOf(newest, out);
    }
    if (fresh.length === 0) return;
    const isNext = fresh[0]?.seq === last + 1 && this.#known <= last;
    this.#known = Math.max(this.#known, newest);
    if (isNext && this.#show(last, fresh, newest)) return;
    if (!isNext) this.#hold(fresh);
    this.fill(out);
  }

  #show(after: number, entries: readonly Entry[], upTo: number): boolean {
    this.#isFull = !this.#fanout.push(batchOf(this.#channel, after, entries, upTo));
    if (this.#isFull) return false;
    this.#last = upTo;
    this.#proof.trail.add(entries);
    return true;
  }

  #hold(entries: readonly Entry[]): void {
    for (const entry of entries) {
      const newest = this.#held[this.#held.length - 1];
      const size = entry.content.length + (entry.data?.length ?? 0);
      if ((newest && entry.seq !== newest.seq + 1) || this.#heldSize + size > HELD_SIZE_MAX) return;
      this.#held.push(entry);
      this.#heldSize += size;
    }
  }

  /** Reads missing entries, unless a read is under way. */
  fill(out: Effects): void {
    const last = this.#last;
    if (last === undefined || this.#known <= last || this.#isReading || this.#isFull) return;
    if (this.#isPausing || this.isProving) return;
    if (this.#held[0] && this.#held[0].seq <= last + 1) this.#showHeld(last);
    const after = this.#last ?? last;
    if (this.#known <= after) return;
    const upTo = this.#held[0] ? this.#held[0].seq - 1 : this.#known;
    if (upTo <= after) return;
    this.#isReading = true;
    const { page, deadlineMs } = this.#limits;
    const request = { channel: this.#channel, start: { after, upTo }, ...page, reader: null, by: null };
    const context: StreamContext = { for: 'gap', round: this.#round, after, upTo };
    out.count('relay_gaps_read');
    out.ask(LOG, { type: 'page', ...request }, { deadlineMs, context });
  }

  #showHeld(last: number): void {
    const fresh = this.#held.filter((entry) => entry.seq > last);
    const newest = fresh[fresh.length - 1]?.seq ?? last;
    if (fresh.length > 0 && !this.#show(last, fresh, newest)) return;
    this.#held = [];
    this.#heldSize = 0;
  }

  gapRead({ round, after, upTo }: StreamContext, answer: Answer<PageReply>, out: Effects): void {
    if (round !== this.#round) return;
    this.#isReading = false;
    if (!answer.ok || !answer.body.ok) {
      this.#isPausing = true;
      return out.arm('gap', RETRY_MS);
    }
    const { value } = answer.body;
    const reached = reachedBy(value, after, upTo);
    if (reached > after) this.#show(after, value.entries, reached);
    if (reached < upTo && !value.more) return this.prove(out);
    this.fill(out);
  }

  // --- a log that has lost its end

  /** There is a sign that the log has lost entries that the relay showed. */
  prove(out: Effects): void {
    if (this.#last === undefined) return;
    this.#round++;
    this.#isReading = false;
    this.#held = [];
    this.#heldSize = 0;
    if (!this.isProving) this.#heardMeanwhile = 0;
    this.#proof.start(this.#last, out);
  }

  /**
   * A subscriber that came, or has caught up, has seen this entry in the log; the stream itself may have shown nothing yet.
   * During a proof new subscribers wait, so nothing is noted.
   */
  note(mark: Shown): void {
    if (!this.isProving && mark.seq <= (this.#last ?? Infinity)) this.#proof.trail.note(mark);
  }

  /** An answer for the proof. Returns the result when the proof is over. */
  proofRead(context: ProofContext, answer: Answer<LogReply<Place>>, out: Effects): Proven | undefined {
    const proven = this.#proof.answered(context, answer, out);
    if (proven === 'failed') out.arm('gap', RETRY_MS);
    if (proven === undefined || proven === 'failed' || this.#last === undefined) return undefined;
    const { place, head, isProven } = proven;
    if (!isProven) return proven;
    if (place < this.#last) this.#rewind(place);
    this.#known = Math.max(head, this.#heardMeanwhile, this.#last);
    this.fill(out);
    return proven;
  }

  #rewind(place: number): void {
    this.#last = place;
    this.#proof.trail.cut(place);
    this.#fanout.reset(resetBatch(this.#channel, place));
  }

  /** The pause after a failed read is over. */
  readAgain(out: Effects): void {
    this.#isPausing = false;
    if (this.isProving) this.prove(out);
    else this.fill(out);
  }

  /** The fan-out has nothing more to write. */
  goOn(out: Effects): void {
    if (!this.#isFull) return;
    this.#isFull = false;
    this.fill(out);
  }
}

const NO_MARKS: readonly Shown[] = [];
