import type { FrameBatch } from '../../runtime/ports/sockets.ts';
import { mergeBatches, resetIn } from '../frames.ts';
import type { Outbox } from '../outbox.ts';
import { Crowd, CROWD_MIN } from './crowd.ts';

/** Sockets that are written in one step; the next ones have to wait their turn (D9). */
const SLICE = 500;

/** Batches that wait behind a pass, by UTF-16 length, before they are dropped and read from the log instead. */
const WAITING_SIZE_MAX = 1024 * 1024;

/** A batch that waits to be written. Neither of the lists changes any more. */
interface Waiting {
  readonly batch: FrameBatch;
  /** These alone; undefined: everyone who is live then, but for those in `except`. */
  readonly to: readonly number[] | undefined;
  readonly except: ReadonlySet<number> | undefined;
}

interface Pass extends Waiting {
  readonly list: readonly number[];
  cursor: number;
  /** Who came later has the batch already. */
  readonly end: number;
}

/**
 * Hands batches to live subscribers, a slice of them at a time (D9).
 *
 * - Every live subscriber has been given exactly what is up to `sealed`, or is given it by the pass under way.
 * - A gap in `#live` (0) is a subscriber that left during a pass; gaps are closed when the pass is over.
 * - An effect has a list of its own: `#live` is changed in place.
 */
export class Fanout {
  readonly #live: number[] = [];
  readonly #places = new Map<number, number>();
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

  has(connection: number): boolean {
    return this.#places.has(connection);
  }

  connections(): Iterable<number> {
    return this.#places.keys();
  }

  /** Whoever is added has everything up to `sealed` already. */
  add(connection: number): void {
    this.#places.set(connection, this.#live.length);
    this.#live.push(connection);
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

  /** Between passes order means nothing: the last one takes the empty place. */
  #fill(place: number): void {
    const moved = this.#live.pop() as number;
    if (place === this.#live.length) return;
    this.#live[place] = moved;
    this.#places.set(moved, place);
  }

  /** False when too much waits already: the caller has to read it from the log later. */
  push(batch: FrameBatch, except?: ReadonlySet<number>): boolean {
    if (isNotice(batch) && (this.#crowd.isBusy || this.size > CROWD_MIN))
      return this.#crowd.push(
        batch,
        [...this.connections()].filter((connection) => !except?.has(connection)),
      );
    return this.#push({ batch, to: undefined, except });
  }

  /** To all, whatever waits; what lies behind it and was given to nobody yet is given to nobody. */
  reset(batch: FrameBatch): void {
    this.#waiting = this.#waiting.filter((waiting) => waiting.batch.first <= batch.last);
    this.#waitingSize = this.#waiting.reduce((sum, waiting) => sum + waiting.batch.size, 0);
    this.#waiting.push({ batch, to: undefined, except: undefined });
    this.#waitingSize += batch.size;
  }

  /** To some alone, in order with all else of its kind. */
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
  advance(out: Outbox, onSealed: (batch: FrameBatch) => void): boolean {
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

  /** A timer of the relay's. */
  fired(timer: string, out: Outbox): void {
    this.#crowd.fired(timer, out);
  }

  /** Something beside the log is to be told yet. */
  get hasNotices(): boolean {
    const { batch } = this.#pass ?? {};
    return (
      this.#crowd.isBusy ||
      (batch !== undefined && isNotice(batch)) ||
      this.#waiting.some((waiting) => isNotice(waiting.batch))
    );
  }

  #write({ batch, list, to, except, cursor }: Pass, end: number, out: Outbox): void {
    const connections: number[] = [];
    for (let at = cursor; at < end; at++) {
      const connection = list[at] as number;
      // A gap; one that has left since; one to be left out.
      if (connection === 0 || (to && !this.#places.has(connection)) || except?.has(connection)) continue;
      connections.push(connection);
    }
    if (connections.length > 0)
      out.add({ type: 'fanout', batch, connections, start: 0, end: connections.length });
  }

  /** What waits becomes one batch, as far as it goes to the same people. */
  #nextPass(out: Outbox, onSealed: (batch: FrameBatch) => void): Pass | undefined {
    const next = this.#waiting[0];
    if (!next) return undefined;
    let count = 1;
    if (isForAll(next)) while (isForAll(this.#waiting[count])) count++;
    const taken = this.#waiting.splice(0, count);
    for (const { batch } of taken) this.#waitingSize -= batch.size;
    const batch = mergeBatches(taken.map((waiting) => waiting.batch));
    const { to, except } = next;
    const list = to ?? this.#live;
    const pass: Pass = { batch, to, except, list, cursor: 0, end: list.length };
    if (batch.first !== 0) {
      out.check('batches_ascend', resetIn(batch.first) !== undefined || batch.first > this.sealed);
      this.sealed = batch.last;
      onSealed(batch);
    }
    return pass;
  }

  #close(): void {
    const gaps = this.#gaps ?? [];
    this.#gaps = undefined;
    // From the back: what takes a gap's place is then never a gap itself.
    for (const place of gaps.toSorted((a, b) => b - a)) this.#fill(place);
  }
}

/** What is told beside the log. */
const isNotice = ({ first }: FrameBatch): boolean => first === 0;

/** Part of the log: it goes to all, and may be written together with what follows it. */
function isForAll(waiting: Waiting | undefined): boolean {
  return waiting !== undefined && waiting.batch.first > 0;
}
