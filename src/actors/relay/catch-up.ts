import type { Channel } from '../../protocol/channels.ts';
import type { Answer, Awaits } from '../../runtime/ports/actor.ts';
import type { Entry } from '../../runtime/ports/log-store.ts';
import type { FrameBatch } from '../../runtime/ports/sockets.ts';
import { batchOf, mergeBatches, reachedBy, resetBatch, resetFirst, resetIn } from '../kit/frames.ts';
import { LOG, type PageReply } from '../messages/log.ts';
import type { Effects } from '../kit/effects.ts';
import type { Fanout } from './fanout.ts';
import type { ReadLimits } from './stream.ts';
import type { Shown } from './trail.ts';
import { LazyMap, LazySet } from '../kit/lazy.ts';

/** The relay keeps this much of the last live batches for subscribers that are almost live, by UTF-16 length. */
const RECENT_SIZE_MAX = 1024 * 1024;

/** The pause after a failed read. */
const RETRY_MS = 1_000;

/** The timer of that pause. */
const PAUSE = 'catchUp';

/** The timer of a user who has read too much; the rest of its name is the user. */
const READS = 'reads ';

export interface CatchUpContext extends Awaits<PageReply> {
  readonly for: 'page';
  /** Each loss of the log's end raises it: answers to earlier reads do not count. */
  readonly round: number;
  readonly after: number;
  readonly upTo: number;
  /** The user that the read counts for (LM14). */
  readonly by: string;
}

/** Maps a connection to its user, who pays for its reads (LM14). */
interface Users {
  userOf(connection: number): string;
}

/** Learns of entries that only some subscribers got, and of signs that the log has lost its end. */
interface Shows {
  readonly isProving: boolean;
  note(mark: Shown): void;
  prove(out: Effects): void;
}

/**
 * Brings subscribers that are behind up to the live ones (D9, D10): page by page from the log, the last step from memory, so
 * that a busy channel cannot run away from them. Subscribers at the same position share a read.
 *
 * - `#positions` has the subscribers that are behind (or ahead, if the relay read the log before the publication came), with
 *   the last seq that each one got. A subscriber is either here or live, never both.
 */
export class CatchUp {
  readonly #channel: Channel;
  readonly #fanout: Fanout;
  readonly #limits: ReadLimits;
  readonly #subscribers: Users;
  readonly #stream: Shows;
  readonly #positions = new LazyMap<number, number>();
  /** Connections that could not take more: the relay reads nothing for them until they can. */
  readonly #stalled = new LazySet<number>();
  /** Reads under way, by the seq after which they start. */
  readonly #reads = new LazySet<number>();
  /** Users who have read too much (LM14): the relay reads nothing for them until their timer fires. */
  readonly #limited = new LazySet<string>();
  /** A read failed: the next one begins after the pause. */
  #isPausing = false;
  /** Connections that first need a `reset`, since the log has lost entries that they got; and the seq to reset to. */
  readonly #owed = new LazyMap<number, number>();
  /** Each reset raises it: answers to earlier reads do not count. */
  round = 0;
  /** The last seq of the live ones when {@link advanceAll} last looked at all here; -1: it must look again. */
  #seen = -1;
  #recent: FrameBatch[] = [];
  #recentSize = 0;

  constructor(
    channel: Channel,
    limits: ReadLimits,
    parts: { readonly fanout: Fanout; readonly subscribers: Users; readonly stream: Shows },
  ) {
    const { fanout, subscribers, stream } = parts;
    this.#subscribers = subscribers;
    this.#stream = stream;
    this.#channel = channel;
    this.#fanout = fanout;
    this.#limits = limits;
  }

  /** The connections that are behind, or ahead. */
  connections(): Iterable<number> {
    return this.#positions.keys();
  }

  /** A subscriber is here, or an answer or a timer is still to come. */
  get isBusy(): boolean {
    return this.#positions.size > 0 || this.#reads.size > 0 || this.#limited.size > 0 || this.#isPausing;
  }

  has(connection: number): boolean {
    return this.#positions.has(connection);
  }

  /** Up to where a connection was sent the channel; undefined for one that is not here. */
  sentTo(connection: number): number | undefined {
    return this.#owed.get(connection) ?? this.#positions.get(connection);
  }

  /** As {@link Fanout.nextFor}; undefined for one that is not here. */
  nextFor(connection: number): number | undefined {
    const owed = this.#owed.get(connection);
    const position = this.#positions.get(connection);
    if (owed !== undefined) return resetFirst(owed);
    return position === undefined ? undefined : position + 1;
  }

  /** Takes a connection over from an earlier generation. Its next batch begins with `next`. */
  restore(connection: number, next: number): void {
    const reset = resetIn(next);
    if (reset !== undefined) this.#owed.set(connection, reset);
    this.#positions.set(connection, reset ?? next - 1);
  }

  start(connection: number, after: number, out: Effects): void {
    this.#positions.set(connection, after);
    this.#advance(connection, out);
  }

  /** As {@link start}, for a connection whose head lies after the seq to which the log was reset since. */
  startReset(connection: number, seq: number, out: Effects): void {
    this.#owed.set(connection, seq);
    this.start(connection, seq, out);
  }

  remove(connection: number): void {
    this.#positions.delete(connection);
    this.#stalled.delete(connection);
    this.#owed.delete(connection);
    if (this.#positions.size === 0) this.#forget();
  }

  /** The connection refused a batch that began with `first`, so it is where it was before that batch. */
  stalled(connection: number, first: number): void {
    this.#fanout.remove(connection);
    const reset = resetIn(first);
    if (reset !== undefined) {
      this.#owed.set(connection, reset);
      this.#positions.set(connection, Math.min(this.#positions.get(connection) ?? reset, reset));
      this.#stalled.add(connection);
      return;
    }
    this.#positions.set(connection, Math.min(this.#positions.get(connection) ?? Infinity, first - 1));
    this.#stalled.add(connection);
  }

  /** It can take more again. */
  resume(connection: number, out: Effects): void {
    if (this.#stalled.delete(connection)) this.#advance(connection, out);
  }

  /** The relay writes a batch to the live ones. */
  sealed(batch: FrameBatch): void {
    if (resetIn(batch.first) !== undefined) return this.#rewound(batch.last);
    if (this.#positions.size === 0) return;
    this.#recent.push(batch);
    this.#recentSize += batch.size;
    while (this.#recentSize > RECENT_SIZE_MAX && this.#recent.length > 0)
      this.#recentSize -= this.#recent.shift()?.size ?? 0;
  }

  /** The log has lost the entries after `seq`. A connection that got some of them gets a `reset` before anything else. */
  #rewound(seq: number): void {
    this.round++;
    this.#seen = -1;
    this.#reads.clear();
    this.#forget();
    for (const [connection, position] of this.#positions) {
      if (position <= seq) continue;
      this.#positions.set(connection, seq);
      this.#owed.set(connection, seq);
    }
  }

  /** Lets connections continue that waited for a live batch or for a timer. Otherwise it does nothing. */
  advanceAll(out: Effects): void {
    if (this.#seen === this.#fanout.sealed) return;
    this.#seen = this.#fanout.sealed;
    for (const connection of [...this.#positions.keys()]) this.#advance(connection, out);
  }

  #advance(connection: number, out: Effects): void {
    const position = this.#positions.get(connection);
    if (position === undefined || this.#stalled.has(connection)) return;
    // The batches in memory and the log may differ.
    if (this.#stream.isProving) return;
    const owed = this.#owed.get(connection);
    if (owed !== undefined) {
      this.#owed.delete(connection);
      this.#write(connection, resetBatch(this.#channel, owed), out);
    }
    const { sealed } = this.#fanout;
    if (position > sealed) return;
    if (position === sealed) return this.#goLive(connection);
    const tail = this.#tailAfter(position);
    if (tail) {
      this.#write(connection, tail, out);
      return this.#goLive(connection);
    }
    this.#read(position, this.#subscribers.userOf(connection), out);
  }

  /** A timer of the relay is due. Two kinds count here: the pause is over, or a user may read again. */
  fired(timer: string): void {
    if (timer === PAUSE || timer.startsWith(READS)) this.#seen = -1;
    if (timer === PAUSE) this.#isPausing = false;
    if (timer.startsWith(READS)) this.#limited.delete(timer.slice(READS.length));
  }

  #goLive(connection: number): void {
    this.remove(connection);
    this.#fanout.add(connection);
  }

  #forget(): void {
    this.#recent = [];
    this.#recentSize = 0;
  }

  /** The batches in memory that continue right after `position`, as one. */
  #tailAfter(position: number): FrameBatch | undefined {
    const from = this.#recent.findIndex((batch) => batch.first === position + 1);
    return from < 0 ? undefined : mergeBatches(this.#recent.slice(from));
  }

  #write(connection: number, batch: FrameBatch, out: Effects): void {
    if (batch.frames.length > 0)
      out.add({ type: 'fanout', batch, connections: [connection], start: 0, end: 1 });
  }

  /** The first of several users at the same position pays for the read, unless that user has read too much. */
  #read(after: number, by: string, out: Effects): void {
    if (this.#isPausing || this.#reads.has(after) || this.#limited.has(by)) return;
    this.#reads.add(after);
    const upTo = this.#fanout.sealed;
    const { page, deadlineMs } = this.#limits;
    const context: CatchUpContext = { for: 'page', round: this.round, after, upTo, by };
    const request = { channel: this.#channel, start: { after, upTo }, ...page, reader: null, by };
    out.ask(LOG, { type: 'page', ...request }, { deadlineMs, context });
  }

  /** A log that ends before the live ones may have lost entries. */
  pageRead({ round, after, upTo, by }: CatchUpContext, answer: Answer<PageReply>, out: Effects): void {
    if (round !== this.round) return;
    this.#reads.delete(after);
    if (answer.ok && !answer.body.ok && answer.body.failure === 'limited') {
      this.#limited.add(by);
      // Another user at the same position may pay.
      this.#seen = -1;
      return out.arm(`${READS}${by}`, answer.body.retryAfterMs);
    }
    if (!answer.ok || !answer.body.ok) return this.#pause(out);
    const { value } = answer.body;
    const reached = reachedBy(value, after, upTo);
    if (reached < upTo && !value.more) {
      this.#pause(out);
      return this.#stream.prove(out);
    }
    if (reached > after && !this.#stream.isProving) this.#show(after, value.entries, reached, out);
  }

  /** The proof is over: connections that waited for it may continue. */
  proven(): void {
    this.#seen = -1;
  }

  #show(after: number, entries: readonly Entry[], reached: number, out: Effects): void {
    const newest = entries[entries.length - 1];
    if (newest) this.#stream.note(newest);
    const batch = batchOf(this.#channel, after, entries, reached);
    for (const [connection, position] of [...this.#positions]) {
      if (position !== after || this.#stalled.has(connection)) continue;
      this.#write(connection, batch, out);
      this.#positions.set(connection, reached);
      this.#advance(connection, out);
    }
  }

  #pause(out: Effects): void {
    this.#isPausing = true;
    out.arm(PAUSE, RETRY_MS);
  }
}
