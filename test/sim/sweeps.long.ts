import { randomInt } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { ALL_FAULTS } from '../../src/sim/kit/faults.ts';
import { seedsFrom, sweep, sweepAlone } from '../support/sweep.ts';

// The simulations of `npm test` with more seeds. The seeds are fresh, so each run tries others, and a failure names the line that
// replays it.

const PATIENCE_MS = 10 * 60_000;
const first = randomInt(2 ** 32);

describe(`fresh seeds of a minute with all faults, from ${first}`, () => {
  test.each([
    ['sdk', 100],
    ['both', 60],
    ['frames', 40],
  ] as const)(
    '[DG1] [DG2] [DG3] [DG4] [DG7] clients: %s; %d seeds',
    (clients, count) => sweep(seedsFrom(first, count), { clients }),
    PATIENCE_MS,
  );

  // 40 seeds for each number of nodes.
  test.each([
    [3, 'sdk', 14],
    [3, 'both', 13],
    [3, 'frames', 13],
    [5, 'sdk', 14],
    [5, 'both', 13],
    [5, 'frames', 13],
  ] as const)(
    '[DG1] [DG2] [DG3] [DG4] [DG7] [D11] %i nodes, clients: %s; %d seeds',
    (nodes, clients, count) => sweep(seedsFrom(first, count), { clients, nodes }),
    PATIENCE_MS,
  );
});

test.each(ALL_FAULTS)(
  '%s alone is borne, 6 seeds',
  (fault) => {
    expect(sweepAlone(fault, seedsFrom(1, 6))).toBeGreaterThan(10);
  },
  PATIENCE_MS,
);
