import { SmallMap } from '../kit/small.ts';
import type { FrameBatch } from '../../runtime/ports/sockets.ts';
import { mergeBatches, resetIn } from '../kit/frames.ts';
import type { Effects } from '../kit/effects.ts';
import { Crowd, CROWD_MIN } from './crowd.ts';

/** The relay writes to this many sockets in one step, and to the next ones in a later step (D9). */
const SLICE = 500;

/** Batches that may wait behind a pass, by UTF-16 length. The relay reads further ones from the log instead. */
const WAITING_SIZE_MAX = 1024 * 1024;

/** A batch that waits to be written. Neither of the lists changes any more. */
interface Waiting {
  readonly batch: FrameBatch;
  /** Only these connections; undefined: all that are live then, except those in `except`. */
  readonly to: readonly number[] | undefined;
  readonly except: ReadonlySet<number> | undefined;
}

interface Pass extends Waiting {
  readonly list: readonly number[];
  cursor: number;
  /** The end of the list for this pass: a later connection has the batch already. */
  readonly end: number;
}

/**
 * Hands batches to live subscribers, a slice of them at a time (D9).
 *
 * - Every live subscriber has exactly the entries up to `sealed`, or gets them by the pass under way.
 * - A gap in `#live` (0) is a subscriber that left during a pass. The end of the pass closes the gaps.
 * - An effect has a list of its own, since `#live` changes in place.
 */
export class Fanout {
  #live: number[] = [];
  readonly #places = new SmallMap<number, number>();
  #gaps: number[] | undefined;
  #waiting: Waiting[] = [];
  #waitingSize = 0;
  #pass: Pass | undefined;
  readonly #crowd = new Crowd((connection) => this.#places.has(connection));
  /** The last seq of the pass under way, or of the last one. */
  sealed = 0;

  get size(): number {
    return this.#places.size;
  }

  /** In the order in which they are written to. */
  get live(): readonly number[] {
    return this.#live;
  }

  /** Something is to be written yet. */
  get isBusy(): boolean {
    return this.#pass !== undefined || this.#waiting.length > 0 || this.#crowd.isBusy;
  }

  has(connection: number): boolean {
    return this.#places.has(connection);
  }

  connections(): Iterable<number> {
    return this.#places.keys();
  }

  /** The `first` of the next batch of a live connection: that of the pass under way, if it has not come to the connection. */
  nextFor(connection: number): number {
    const place = this.#places.get(connection) ?? -1;
    const pass = this.#pass;
    if (pass && !isNotice(pass.batch) && place >= pass.cursor && place < pass.end) return pass.batch.first;
    return this.sealed + 1;
  }

  /** The lowest seq that a waiting batch resets its subscribers to. */
  get resetTo(): number {
    return Math.min(...this.#waiting.map(({ batch }) => resetIn(batch.first) ?? Infinity));
  }

  /** The connection must have all entries up to `sealed` already. */
  add(connection: number): void {
    this.#places.set(connection, this.#live.length);
    // The first place alone: with `push` an empty list gets room for 17.
    if (this.#live.length === 0) this.#live = [connection];
    else this.#live.push(connection);
  }

  remove(connection: number): void {
    const place = this.#places.get(connection);
    if (place === undefined) return;
    this.#places.delete(connection);
    if (this.#pass) {
      this.#live[place] = 0;
      (this.#gaps ??= []).push(place);
    } else this.#fill(place);
  }

  /** Between passes the order does not matter: the last connection takes the empty place. */
  #fill(place: number): void {
    const moved = this.#live.pop() as number;
    if (place === this.#live.length) return;
    this.#live[place] = moved;
    this.#places.set(moved, place);
  }

  /** False when too much waits already: the caller has to read the batch from the log later. */
  push(batch: FrameBatch, except?: ReadonlySet<number>): boolean {
    if (isNotice(batch) && (this.#crowd.isBusy || this.size > CROWD_MIN))
      return this.#crowd.push(
        batch,
        [...this.connections()].filter((connection) => !except?.has(connection)),
      );
    return this.#push({ batch, to: undefined, except });
  }

  /** Resets all live ones, whatever waits. It drops waiting batches that lie after the reset. */
  reset(batch: FrameBatch): void {
    this.#waiting = this.#waiting.filter((waiting) => waiting.batch.first <= batch.last);
    this.#waitingSize = this.#waiting.reduce((sum, waiting) => sum + waiting.batch.size, 0);
    this.#waiting.push({ batch, to: undefined, except: undefined });
    this.#waitingSize += batch.size;
  }

  /** To some connections only, in order with the other batches of its kind. */
  pushTo(to: readonly number[], batch: FrameBatch): boolean {
    if (isNotice(batch) && (this.#crowd.isBusy || to.length > CROWD_MIN)) return this.#crowd.push(batch, to);
    return this.#push({ batch, to, except: undefined });
  }

  #push(waiting: Waiting): boolean {
    const { size } = waiting.batch;
    if (this.#waiting.length > 0 && this.#waitingSize + size > WAITING_SIZE_MAX) return false;
    this.#waiting.push(waiting);
    this.#waitingSize += size;
    return true;
  }

  /** Writes the next slice; true when there is more to write. `onSealed` hears of each new pass. */
  advance(out: Effects, onSealed: (batch: FrameBatch) => void): boolean {
    this.#crowd.arm(out);
    for (let budget = SLICE; ;) {
      this.#pass ??= this.#nextPass(out, onSealed);
      const pass = this.#pass;
      if (!pass) return false;
      const end = Math.min(pass.end, pass.cursor + budget);
      this.#write(pass, end, out);
      budget -= end - pass.cursor;
      pass.cursor = end;
      if (pass.cursor < pass.end) return true;
      this.#pass = undefined;
      this.#close();
      if (budget <= 0 && this.#waiting.length > 0) return true;
    }
  }

  /** A timer of the relay is due. */
  fired(timer: string, out: Effects): void {
    this.#crowd.fired(timer, out);
  }

  /** Whether a notice still waits. */
  get hasNotices(): boolean {
    const { batch } = this.#pass ?? {};
    return (
      this.#crowd.isBusy ||
      (batch !== undefined && isNotice(batch)) ||
      this.#waiting.some((waiting) => isNotice(waiting.batch))
    );
  }

  #write({ batch, list, to, except, cursor }: Pass, end: number, out: Effects): void {
    const connections: number[] = [];
    for (let at = cursor; at < end; at++) {
      const connection = list[at] as number;
      // A gap, a connection that has left since, or an excepted one.
      if (connection === 0 || (to && !this.#places.has(connection)) || except?.has(connection)) continue;
      connections.push(connection);
    }
    if (connections.length > 0)
      out.add({ type: 'fanout', batch, connections, start: 0, end: connections.length });
  }

  /** Merges the waiting batches into one, as far as they go to the same connections. */
  #nextPass(out: Effects, onSealed: (batch: FrameBatch) => void): Pass | undefined {
    const next = this.#waiting[0];
    if (!next) return undefined;
    let count = 1;
    if (isForAll(next)) while (isForAll(this.#waiting[count])) count++;
    const taken = this.#waiting.splice(0, count);
    for (const { batch } of taken) this.#waitingSize -= batch.size;
    const batch = mergeBatches(taken.map((waiting) => waiting.batch));
    const { to, except } = next;
    const list = to ?? this.#live;
    this.#pass = { batch, to, except, list, cursor: 0, end: list.length };
    if (batch.first !== 0) {
      const isInOrder = resetIn(batch.first) !== undefined || batch.first > this.sealed;
      this.sealed = batch.last;
      out.check('batches_ascend', isInOrder);
      onSealed(batch);
    }
    return this.#pass;
  }

  #close(): void {
    const gaps = this.#gaps ?? [];
    this.#gaps = undefined;
    // From the back, so that a gap's place is never filled with another gap.
    for (const place of gaps.toSorted((a, b) => b - a)) this.#fill(place);
  }
}

/** A batch beside the log. */
const isNotice = ({ first }: FrameBatch): boolean => first === 0;

/** Part of the log: it goes to all, and the relay may write it together with the batch that follows. */
function isForAll(waiting: Waiting | undefined): boolean {
  return waiting !== undefined && waiting.batch.first > 0;
}
