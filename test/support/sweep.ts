import { expect } from 'vitest';
import type { ClientKind } from '../../src/sim/clients/client-kinds.ts';
import { ALL_FAULTS, isBetweenNodes, type Fault } from '../../src/sim/kit/faults.ts';
import { replayLine } from '../../src/sim/world/report.ts';
import { simulate } from '../../src/sim/world/simulate.ts';

const MINUTE_MS = 60_000;

export interface Sweep {
  readonly clients: ClientKind;
  readonly nodes?: number;
}

/** Simulates a minute with all faults for each seed. Every invariant has to hold. */
export function sweep(seeds: readonly number[], { clients, nodes = 1 }: Sweep): void {
  let stored = 0;
  for (const seed of seeds) {
    const result = simulate({ seed, durationMs: MINUTE_MS, faults: ALL_FAULTS, clients, nodes });
    expect(result.violation, replayLine({ seed, faults: 'all', clients, nodes })).toBeUndefined();
    stored += result.stored;
  }
  // A simulation that stores nothing proves nothing.
  expect(stored).toBeGreaterThan(seeds.length * 100);
}

/** Simulates a minute with one fault for each seed. Every invariant has to hold. Returns how often the fault struck. */
export function sweepAlone(fault: Fault, seeds: readonly number[]): number {
  let struck = 0;
  for (const seed of seeds) {
    // A node alone has nothing between nodes.
    const nodes = isBetweenNodes(fault) ? 3 : 1;
    const { violation } = simulate({
      seed,
      durationMs: MINUTE_MS,
      faults: [fault],
      nodes,
      trace: (line) => (struck += line.includes(`! ${fault}`) ? 1 : 0),
    });
    expect(violation, replayLine({ seed, faults: fault, nodes })).toBeUndefined();
  }
  return struck;
}

/** So many seeds, one after the other. */
export function seedsFrom(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, at) => first + at);
}
