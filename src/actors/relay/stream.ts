import type { Channel } from '../../protocol/channels.ts';
import type { Answer } from '../../runtime/ports/actor.ts';
import type { Entry, StoreCalls } from '../../runtime/ports/log-store.ts';
import { batchOf } from '../frames.ts';
import { LOG, type LogReply } from '../messages.ts';
import type { Outbox } from '../outbox.ts';
import type { Fanout } from './fanout.ts';

/** Publications that are kept while a gap before them is read; beyond, they are read too (D9). UTF-16 length. */
const HELD_SIZE_MAX = 1024 * 1024;

/** A read that failed is tried again after this. */
const RETRY_MS = 1_000;

export type PageReply = Answer<LogReply<StoreCalls['page']['reply']>>;

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
  readonly node: string;
  readonly retryAfterMs: number;
}

export interface StreamContext {
  readonly for: 'gap';
  readonly after: number;
  readonly upTo: number;
}

/**
 * The order in which a relay shows a channel (invariant 4): seq by seq from where it began.
 * Whatever is missing in between is read from the log before anything later is shown.
 *
 * - `#last` is the newest seq given to the fan-out; `#known` the newest one heard of. Equal when nothing is missing.
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

  constructor(channel: Channel, fanout: Fanout, limits: ReadLimits) {
    this.#channel = channel;
    this.#fanout = fanout;
    this.#limits = limits;
  }

  /**
   * The log's head as it was read: where the stream begins, or what it has to reach. Returns the newest one heard of:
   * while it was read more may have been published, and shown to who is on the channel already.
   */
  headRead(head: number, out: Outbox): number {
    if (this.#last === undefined) {
      this.#last = head;
      this.#fanout.sealed = head;
    }
    this.heardOf(head, out);
    return this.#known;
  }

  heardOf(head: number, out: Outbox): void {
    this.#known = Math.max(this.#known, head);
    this.fill(out);
  }

  published(entries: readonly Entry[], out: Outbox): void {
    const newest = entries[entries.length - 1]?.seq ?? 0;
    const last = this.#last;
    if (last === undefined) {
      this.#known = Math.max(this.#known, newest);
      return;
    }
    const fresh = entries[0]?.seq === last + 1 ? entries : entries.filter((entry) => entry.seq > last);
    if (fresh.length === 0) return;
    const isNext = fresh[0]?.seq === last + 1 && this.#known <= last;
    this.#known = Math.max(this.#known, newest);
    if (isNext && this.#show(last, fresh, newest)) return;
    if (!isNext) this.#hold(fresh);
    this.fill(out);
  }

  #show(after: number, entries: readonly Entry[], upTo: number): boolean {
    this.#isFull = !this.#fanout.push(batchOf(this.#channel, after, entries, upTo));
    if (!this.#isFull) this.#last = upTo;
    return !this.#isFull;
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
    if (last === undefined || this.#known <= last || this.#isReading || this.#isFull || this.#isPausing)
      return;
    if (this.#held[0] && this.#held[0].seq <= last + 1) this.#showHeld(last);
    const after = this.#last ?? last;
    if (this.#known <= after) return;
    const upTo = this.#held[0] ? this.#held[0].seq - 1 : this.#known;
    if (upTo <= after) return;
    this.#isReading = true;
    const { page, deadlineMs } = this.#limits;
    const request = { channel: this.#channel, start: { after, upTo }, ...page, reader: null };
    const context: StreamContext = { for: 'gap', after, upTo };
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

  gapRead({ after, upTo }: StreamContext, answer: PageReply, out: Outbox): void {
    this.#isReading = false;
    if (!answer.ok || !answer.body.ok) {
      this.#isPausing = true;
      return out.arm('gap', RETRY_MS);
    }
    const { entries, more } = answer.body.value;
    const reached = more ? (entries[entries.length - 1]?.seq ?? upTo) : upTo;
    this.#show(after, entries, reached);
    this.fill(out);
  }

  /** The time after a failed read has passed. */
  readAgain(out: Outbox): void {
    this.#isPausing = false;
    this.fill(out);
  }

  /** The fan-out has nothing more to write. */
  goOn(out: Outbox): void {
    if (!this.#isFull) return;
    this.#isFull = false;
    this.fill(out);
  }
}
