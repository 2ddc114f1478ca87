import type { FrameBatch } from '../../runtime/ports/sockets.ts';
import { mergeBatches } from '../frames.ts';
import type { Outbox } from '../outbox.ts';

/** Sockets that are written in one step; the next ones have to wait their turn (D9). */
const SLICE = 500;

/** Batches that wait behind a pass, by UTF-16 length, before they are dropped and read from the log instead. */
const WAITING_SIZE_MAX = 1024 * 1024;

interface Pass {
  readonly batch: FrameBatch;
  readonly except: ReadonlySet<number> | undefined;
  cursor: number;
  /** Who came later has the batch already. */
  readonly end: number;
}

/**
 * Hands batches to live subscribers, a slice of them at a time (D9).
 *
 * - Every live subscriber has been given exactly what is up to `sealed`, or is given it by the pass under way.
 * - A gap in `#live` (0) is a subscriber that left during a pass; it is closed when the pass is over.
 */
export class Fanout {
  #live: number[] = [];
  readonly #places = new Map<number, number>();
  #waiting: { readonly batch: FrameBatch; readonly except: ReadonlySet<number> | undefined }[] = [];
  #waitingSize = 0;
  #pass: Pass | undefined;
  /** The last seq of the pass under way, or of the last one. */
  sealed = 0;

  get size(): number {
    return this.#places.size;
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
      return;
    }
    // Between passes order means nothing: the last one takes the empty place.
    const moved = this.#live.pop() as number;
    if (moved === connection) return;
    this.#live[place] = moved;
    this.#places.set(moved, place);
  }

  /** False when too much waits already: the caller has to read it from the log later. */
  push(batch: FrameBatch, except?: ReadonlySet<number>): boolean {
    if (this.#waiting.length > 0 && this.#waitingSize + batch.size > WAITING_SIZE_MAX) return false;
    this.#waiting.push({ batch, except });
    this.#waitingSize += batch.size;
    return true;
  }

  /** Writes the next slice; true when there is more to write. `onSealed` hears of each new pass. */
  advance(out: Outbox, onSealed: (batch: FrameBatch) => void): boolean {
    for (let budget = SLICE; ;) {
      this.#pass ??= this.#nextPass(onSealed);
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

  #write(pass: Pass, end: number, out: Outbox): void {
    const { batch, except, cursor } = pass;
    if (end === cursor) return;
    if (!except && this.#places.size === this.#live.length) {
      // The list itself: it is not changed before the effect is carried out.
      out.add({ type: 'fanout', batch, connections: this.#live, start: cursor, end });
      return;
    }
    const connections = this.#live
      .slice(cursor, end)
      .filter((connection) => connection > 0 && !except?.has(connection));
    if (connections.length > 0)
      out.add({ type: 'fanout', batch, connections, start: 0, end: connections.length });
  }

  /** What waits becomes one batch, as far as it goes to the same people. */
  #nextPass(onSealed: (batch: FrameBatch) => void): Pass | undefined {
    const next = this.#waiting[0];
    if (!next) return undefined;
    let count = 1;
    if (!next.except && next.batch.first > 0) {
      while (
        count < this.#waiting.length &&
        !this.#waiting[count]?.except &&
        (this.#waiting[count]?.batch.first ?? 0) > 0
      )
        count++;
    }
    const taken = this.#waiting.splice(0, count);
    for (const { batch } of taken) this.#waitingSize -= batch.size;
    const batch = mergeBatches(taken.map((waiting) => waiting.batch));
    const pass: Pass = { batch, except: next.except, cursor: 0, end: this.#live.length };
    if (batch.first > 0) {
      this.sealed = batch.last;
      onSealed(batch);
    }
    return pass;
  }

  #close(): void {
    if (this.#places.size === this.#live.length) return;
    this.#live = this.#live.filter((connection) => connection > 0);
    this.#live.forEach((connection, place) => this.#places.set(connection, place));
  }
}
