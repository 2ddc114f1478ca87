import type { Channel } from '../../protocol/channels.ts';
import { WIRE_LIMITS } from '../../protocol/limits.ts';
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
  readonly #deadlineMs: number;
  #last: number | undefined;
  #known = 0;
  #held: Entry[] = [];
  #heldSize = 0;
  #isReading = false;
  /** A read failed, or the fan-out has too much to write: nothing is read until {@link goOn}. */
  #isPausing = false;

  constructor(channel: Channel, fanout: Fanout, deadlineMs: number) {
    this.#channel = channel;
    this.#fanout = fanout;
    this.#deadlineMs = deadlineMs;
  }

  /** The log's head as it was read: where the stream begins, or what it has to reach. */
  headRead(head: number, out: Outbox): void {
    if (this.#last === undefined) {
      this.#last = head;
      this.#fanout.sealed = head;
    }
    this.heardOf(head, out);
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
    this.#isPausing = !this.#fanout.push(batchOf(this.#channel, after, entries, upTo));
    if (!this.#isPausing) this.#last = upTo;
    return !this.#isPausing;
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
    if (last === undefined || this.#known <= last || this.#isReading || this.#isPausing) return;
    if (this.#held[0] && this.#held[0].seq <= last + 1) this.#showHeld(last);
    const after = this.#last ?? last;
    if (this.#known <= after) return;
    const upTo = this.#held[0] ? this.#held[0].seq - 1 : this.#known;
    if (upTo <= after) return;
    this.#isReading = true;
    const { replayPerChannelMax: limit, historyBytesMax: bytesMax } = WIRE_LIMITS;
    const request = { channel: this.#channel, start: { after, upTo }, limit, bytesMax, reader: null };
    const context: StreamContext = { for: 'gap', after, upTo };
    out.count('relay_gaps_read');
    out.ask(LOG, { type: 'page', ...request }, { deadlineMs: this.#deadlineMs, context });
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

  /** The pause is over: the time after a failed read has passed, or the fan-out has nothing more to write. */
  goOn(out: Outbox): void {
    if (!this.#isPausing) return;
    this.#isPausing = false;
    this.fill(out);
  }
}
