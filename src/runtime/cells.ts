import type { Cell } from './cell.ts';

/** The numbers of actors, timers and asks, for metrics and for the checkers. */
export interface Census {
  readonly cells: ReadonlyMap<string, number>;
  readonly timers: number;
  readonly asks: number;
}

/**
 * The living actors by address.
 *
 * The counts by kind are kept up to date, so that a scrape of the metrics takes no longer with more actors.
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

  /** The number of actors of each kind. */
  counts(): ReadonlyMap<string, number> {
    return new Map(this.#counts);
  }

  [Symbol.iterator](): MapIterator<Cell> {
    return this.#byAddress.values();
  }
}
