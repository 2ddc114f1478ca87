import type { Cell } from './cell.ts';

/** How many actors, timers and asks there are: for metrics and for the checkers. */
export interface Census {
  readonly cells: ReadonlyMap<string, number>;
  readonly timers: number;
  readonly asks: number;
}

/**
 * The actors that live, by address.
 *
 * They are counted by kind as they come and go: a scrape of the metrics must not take longer the more there are.
 */
export class Cells {
  readonly #byAddress = new Map<string, Cell>();
  readonly #counts = new Map<string, number>();

  get(address: string): Cell | undefined {
    return this.#byAddress.get(address);
  }

  add(cell: Cell): void {
    this.#byAddress.set(cell.address, cell);
    const { kind } = cell.behaviour;
    this.#counts.set(kind, (this.#counts.get(kind) ?? 0) + 1);
  }

  remove(cell: Cell): void {
    if (!this.#byAddress.delete(cell.address)) return;
    const { kind } = cell.behaviour;
    const left = (this.#counts.get(kind) ?? 0) - 1;
    if (left > 0) this.#counts.set(kind, left);
    else this.#counts.delete(kind);
  }

  /** How many there are of each kind that there is. */
  counts(): ReadonlyMap<string, number> {
    return new Map(this.#counts);
  }

  [Symbol.iterator](): MapIterator<Cell> {
    return this.#byAddress.values();
  }
}
