import type { Cell } from './cell.ts';

/** How many actors, timers and asks there are: for metrics and for the checkers. */
export interface Census {
  readonly cells: ReadonlyMap<string, number>;
  readonly timers: number;
  readonly asks: number;
}

export function countKinds(cells: Iterable<Cell>): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { behaviour } of cells) counts.set(behaviour.kind, (counts.get(behaviour.kind) ?? 0) + 1);
  return counts;
}
