import { expect, test } from 'vitest';
import { CLIENT_KINDS } from '../../src/sim/clients/client-kinds.ts';
import { ALL_FAULTS } from '../../src/sim/kit/faults.ts';
import { replayLine } from '../../src/sim/world/report.ts';
import { simulate } from '../../src/sim/world/simulate.ts';

// Clusters: nodes die, leave and stand still, homes move, the database fails over. The seeds are fixed; `vagus simulate --nodes 3
// --seeds 1000` tries others. Some of them have found bugs.

const DURATION_MS = 60_000;

const SEEDS = {
  3: [1001, 1125, 1129, 4001, 5007, 5044, 5064, 6002],
  5: [430, 1019, 4002, 5007, 5010, 6004, 6013],
} as const;

test.each([3, 5] as const)(
  '[DG1] [DG2] [DG3] [DG4] [DG7] [D11] %i nodes hold every invariant under all faults',
  (nodes) => {
    let stored = 0;
    for (const [at, seed] of SEEDS[nodes].entries()) {
      const clients = CLIENT_KINDS[at % CLIENT_KINDS.length];
      const result = simulate({ seed, durationMs: DURATION_MS, faults: ALL_FAULTS, nodes, clients });
      expect(
        result.violation,
        replayLine({ seed, faults: 'all', nodes, ...(clients ? { clients } : {}) }),
      ).toBeUndefined();
      stored += result.stored;
    }
    expect(stored).toBeGreaterThan(SEEDS[nodes].length * 100);
  },
  60_000,
);

test('[invariant 17] without faults no node doubts itself, and none is taken for dead', () => {
  const { violation } = simulate({ seed: 1, durationMs: DURATION_MS, faults: [], nodes: 3 });
  expect(violation, replayLine({ seed: 1, faults: 'none', nodes: 3 })).toBeUndefined();
});
