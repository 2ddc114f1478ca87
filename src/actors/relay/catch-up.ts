import type { Channel } from '../../protocol/channels.ts';
import type { Answer } from '../../runtime/ports/actor.ts';
import type { Entry } from '../../runtime/ports/log-store.ts';
import type { FrameBatch } from '../../runtime/ports/sockets.ts';
import { batchOf, mergeBatches, reachedBy, resetBatch, resetIn } from '../frames.ts';
import { LOG, type PageReply } from '../messages.ts';
import type { Outbox } from '../outbox.ts';
import type { Fanout } from './fanout.ts';
import type { ReadLimits } from './stream.ts';
import type { Shown } from './trail.ts';
import { LazyMap, LazySet } from '../lazy.ts';

/** Live batches that are kept for those who are about to catch up, by UTF-16 length. */
const RECENT_SIZE_MAX = 1024 * 1024;

/** A read that failed is tried again after this. */
const RETRY_MS = 1_000;

/** The timer of a pause. */
const PAUSE = 'catchUp';

/** The timer of who has read too much; the rest of its name is the user. */
const READS = 'reads ';

export interface CatchUpContext {
  readonly for: 'page';
  /** Of which life of the log it is, as far as this relay knows. */
  readonly round: number;
  readonly after: number;
  readonly upTo: number;
  /** The user it is read for. */
  readonly by: string;
}

/** Whose a connection is: what is read for it is counted for its user (LM14). */
interface Users {
  userOf(connection: number): string;
}

/** Hears of what was shown to some alone, and of signs that the log has lost its end. */
interface Shows {
  readonly isProving: boolean;
  note(mark: Shown): void;
  prove(out: Outbox): void;
}

/**
 * Brings subscribers who are behind to where the live ones are (D9, D10): page by page from the log, the last
 * step from memory, so that a busy channel cannot run away from them. Who stands at the same place shares a read.
 *
 * - `#positions` holds who is behind (or ahead, when the log was read before the publication came), with the
 *   last seq each was given. A subscriber is either here or live, never both.
 */
export class CatchUp {
  readonly #channel: Channel;
  readonly #fanout: Fanout;
  readonly #limits: ReadLimits;
  readonly #subscribers: Users;
  readonly #stream: Shows;
  readonly #positions = new LazyMap<number, number>();
  /** Who could not take more: not read for until it can. */
  readonly #stalled = new LazySet<number>();
  /** Reads under way, by where they start. */
  readonly #reads = new LazySet<number>();
  /** Who has read too much (LM14): nothing is read for him until it has worn off. */
  readonly #limited = new LazySet<string>();
  /** A read failed: none is begun until the pause is over. */
  #isPausing = false;
  /** Who has to be told first that the log has lost what it was shown, and behind which seq. */
  readonly #owed = new LazyMap<number, number>();
  #round = 0;
  /** Up to where the live ones were given everything when all here were looked at last; -1: look at all again. */
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

  /** Those who are behind, or ahead. */
  connections(): Iterable<number> {
    return this.#positions.keys();
  }

  has(connection: number): boolean {
    return this.#positions.has(connection);
  }

  start(connection: number, after: number, out: Outbox): void {
    this.#positions.set(connection, after);
    this.#advance(connection, out);
  }

  /** As {@link start}; but what the connection was told of lies behind the place to which the log was reset since. */
  startReset(connection: number, seq: number, out: Outbox): void {
    this.#owed.set(connection, seq);
    this.start(connection, seq, out);
  }

  remove(connection: number): void {
    this.#positions.delete(connection);
    this.#stalled.delete(connection);
    this.#owed.delete(connection);
    if (this.#positions.size === 0) this.#forget();
  }

  /** The connection refused a batch that began with `first`: it is where it was before it. */
  stalled(connection: number, first: number): void {
    this.#fanout.remove(connection);
    const reset = resetIn(first);
    if (reset !== undefined) {
      this.#owed.set(connection, reset);
      this.#positions.set(connection, Math.min(this.#positions.get(connection) ?? reset, reset));
      this.#stalled.add(connection);
      return;
    }
    const known = this.#stalled.has(connection) ? this.#positions.get(connection) : undefined;
    this.#positions.set(connection, Math.min(known ?? Infinity, first - 1));
    this.#stalled.add(connection);
  }

  /** It can take more again. */
  resume(connection: number, out: Outbox): void {
    if (this.#stalled.delete(connection)) this.#advance(connection, out);
  }

  /** A batch goes out to the live ones. */
  sealed(batch: FrameBatch): void {
    if (resetIn(batch.first) !== undefined) return this.#rewound(batch.last);
    if (this.#positions.size === 0) return;
    this.#recent.push(batch);
    this.#recentSize += batch.size;
    while (this.#recentSize > RECENT_SIZE_MAX && this.#recent.length > 0)
      this.#recentSize -= this.#recent.shift()?.size ?? 0;
  }

  /** The log has lost what is behind `seq`: who was shown some of it is told so, before anything else. */
  #rewound(seq: number): void {
    this.#round++;
    this.#seen = -1;
    this.#reads.clear();
    this.#forget();
    for (const [connection, position] of this.#positions) {
      if (position <= seq) continue;
      this.#positions.set(connection, seq);
      this.#owed.set(connection, seq);
    }
  }

  /** After a batch went out, or a wait is over: whoever waited for it may go on. Else nobody has anything to do. */
  advanceAll(out: Outbox): void {
    if (this.#seen === this.#fanout.sealed) return;
    this.#seen = this.#fanout.sealed;
    for (const connection of [...this.#positions.keys()]) this.#advance(connection, out);
  }

  #advance(connection: number, out: Outbox): void {
    const position = this.#positions.get(connection);
    if (position === undefined || this.#stalled.has(connection)) return;
    const owed = this.#owed.get(connection);
    if (owed !== undefined) {
      this.#owed.delete(connection);
      this.#write(connection, resetBatch(this.#channel, owed), out);
    }
    const { sealed } = this.#fanout;
    // What is kept here, and what the log has, may be of two that differ.
    if (position > sealed || this.#stream.isProving) return;
    if (position === sealed) return this.#goLive(connection);
    const tail = this.#tailAfter(position);
    if (tail) {
      this.#write(connection, tail, out);
      return this.#goLive(connection);
    }
    this.#read(position, this.#subscribers.userOf(connection), out);
  }

  /** A timer of the relay's, of which two are this one's: a pause is over, or a user may be read for again. */
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

  /** The kept batches that go on right after `position`, as one. */
  #tailAfter(position: number): FrameBatch | undefined {
    const from = this.#recent.findIndex((batch) => batch.first === position + 1);
    return from < 0 ? undefined : mergeBatches(this.#recent.slice(from));
  }

  #write(connection: number, batch: FrameBatch, out: Outbox): void {
    if (batch.frames.length > 0)
      out.add({ type: 'fanout', batch, connections: [connection], start: 0, end: 1 });
  }

  /** Of those who stand at the same place the first pays, unless he cannot. */
  #read(after: number, by: string, out: Outbox): void {
    if (this.#isPausing || this.#reads.has(after) || this.#limited.has(by)) return;
    this.#reads.add(after);
    const upTo = this.#fanout.sealed;
    const { page, deadlineMs } = this.#limits;
    const context: CatchUpContext = { for: 'page', round: this.#round, after, upTo, by };
    const request = { channel: this.#channel, start: { after, upTo }, ...page, reader: null, by };
    out.ask(LOG, { type: 'page', ...request }, { deadlineMs, context });
  }

  /** A log that ends before what was shown may have lost it. */
  pageRead({ round, after, upTo, by }: CatchUpContext, answer: Answer<PageReply>, out: Outbox): void {
    if (round !== this.#round) return;
    this.#reads.delete(after);
    if (answer.ok && !answer.body.ok && answer.body.failure === 'limited') {
      this.#limited.add(by);
      // Somebody else who stands there may pay.
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

  /** What was shown has been held against the log: whoever waited for that may go on. */
  proven(): void {
    this.#seen = -1;
  }

  #show(after: number, entries: readonly Entry[], reached: number, out: Outbox): void {
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

  #pause(out: Outbox): void {
    this.#isPausing = true;
    out.arm(PAUSE, RETRY_MS);
  }
}
