import type { Channel } from '../../protocol/channels.ts';
import type { Answer } from '../../runtime/ports/actor.ts';
import type { Entry } from '../../runtime/ports/log-store.ts';
import type { Incarnation } from '../../runtime/ports/placement.ts';
import { batchOf, reachedBy, resetBatch } from '../frames.ts';
import { LOG, type PageReply } from '../messages.ts';
import type { Outbox } from '../outbox.ts';
import type { Fanout } from './fanout.ts';
import { Proof, type ProofContext, type Proven } from './proof.ts';
import type { Shown } from './trail.ts';

/** Publications that are kept while a gap before them is read; beyond, they are read too (D9). UTF-16 length. */
const HELD_SIZE_MAX = 1024 * 1024;

/** A read that failed is tried again after this. */
const RETRY_MS = 1_000;

export interface PageLimits {
  readonly limit: number;
  readonly bytesMax: number;
}

export interface ReadLimits {
  /** How long a home or the log may take to answer. */
  readonly deadlineMs: number;
  /** What one read from the log brings at most (D10). */
  readonly page: PageLimits;
}

export interface RelayOptions extends ReadLimits {
  readonly incarnation: Incarnation;
  readonly retryAfterMs: number;
}

export interface StreamContext {
  readonly for: 'gap';
  /** Of which life of the log it is, as far as this relay knows. */
  readonly round: number;
  readonly after: number;
  readonly upTo: number;
}

/**
 * The order in which a relay shows a channel (invariant 4): seq by seq from where it began.
 * Whatever is missing in between is read from the log before anything later is shown.
 *
 * - `#last` is the newest seq given to the fan-out; `#known` the newest one heard of. Equal when nothing is missing.
 * - A log may lose its end (D21). What was shown is held against it when there is a sign of that; nothing is shown
 *   meanwhile, and who was shown what is gone is told where it goes on.
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
  /** The fan-out has too much to write: nothing is read until it has not. */
  #isFull = false;
  /** A read failed: none is begun until the pause is over. */
  #isPausing = false;
  readonly #proof: Proof;
  /** The newest seq heard of while what was shown is being proven. */
  #heardMeanwhile = 0;
  #round = 0;
  /** How often the log has lost its end, and up to where it was still there at last. */
  rewinds = 0;
  resetTo = 0;

  constructor(channel: Channel, fanout: Fanout, limits: ReadLimits) {
    this.#channel = channel;
    this.#fanout = fanout;
    this.#limits = limits;
    this.#proof = new Proof(channel, limits.deadlineMs);
  }

  /** The newest seq that was shown; 0 before anything was. */
  get shown(): number {
    return this.#last ?? 0;
  }

  get isProving(): boolean {
    return this.#proof.isRunning;
  }

  /**
   * The log's head as it was read: where the stream begins, or what it has to reach. Returns the newest one heard of:
   * while it was read more may have been published, and shown to who is on the channel already. `mark`: where it was read
   * for somebody who has seen it.
   */
  headRead(head: number, mark: Shown | undefined, out: Outbox): number {
    if (this.#last === undefined) {
      this.#last = head;
      this.#fanout.sealed = head;
    }
    if (mark) this.note(mark);
    this.heardOf(head, out);
    return this.#known;
  }

  heardOf(head: number, out: Outbox): void {
    if (this.isProving) this.#heardMeanwhile = Math.max(this.#heardMeanwhile, head);
    else this.#known = Math.max(this.#known, head);
    this.fill(out);
  }

  published(entries: readonly Entry[], out: Outbox): void {
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

  /** Reads what is missing, if anything is and nobody reads it yet. */
  fill(out: Outbox): void {
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

  gapRead({ round, after, upTo }: StreamContext, answer: Answer<PageReply>, out: Outbox): void {
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

  /** There is a sign that what was shown is not in the log any more. */
  prove(out: Outbox): void {
    if (this.#last === undefined) return;
    this.#round++;
    this.#isReading = false;
    this.#held = [];
    this.#heldSize = 0;
    if (!this.isProving) this.#heardMeanwhile = 0;
    this.#proof.start(this.#last, out);
  }

  /**
   * Who came, or has caught up, has seen this in the log: the stream itself may have shown nothing yet. While something is
   * being proven who comes waits, and what is read is of the log as it is.
   */
  note(mark: Shown): void {
    if (!this.isProving && mark.seq <= (this.#last ?? Infinity)) this.#proof.trail.note(mark);
  }

  /** When it is known up to where what was shown is in the log. */
  proofRead(context: ProofContext, answer: Answer<unknown>, out: Outbox): Proven | undefined {
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
    this.rewinds++;
    this.resetTo = place;
    this.#last = place;
    this.#proof.trail.cut(place);
    this.#fanout.reset(resetBatch(this.#channel, place));
  }

  /** The time after a failed read has passed. */
  readAgain(out: Outbox): void {
    this.#isPausing = false;
    if (this.isProving) this.prove(out);
    else this.fill(out);
  }

  /** The fan-out has nothing more to write. */
  goOn(out: Outbox): void {
    if (!this.#isFull) return;
    this.#isFull = false;
    this.fill(out);
  }
}
