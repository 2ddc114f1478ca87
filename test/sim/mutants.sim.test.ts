import { describe, expect, test } from 'vitest';
import { replayLine } from '../../src/sim/world/report.ts';
import { allMutants, Planted } from './mutants/plant.ts';

// Bugs of the kind people write, planted one at a time: the simulator must find each. A simulator that finds nothing
// in a broken program says nothing about a sound one. `npm run test:long` shows that the sound one is clean on their seeds.

const mutants = await allMutants();

describe('planted bugs', () => {
  test('there are fifty, and each fits the code', () => {
    expect(mutants).toHaveLength(50);
    expect(new Set(mutants.map(({ name }) => name)).size).toBe(50);
  });

  test.each(mutants)('$name is found by seed $seed: invariant $invariant', (mutant) => {
    const planted = new Planted(mutant);
    const verdict = planted.simulate(mutant.seed);
    planted.remove();
    expect(verdict, verdict.output).toMatchObject({ isFound: true, invariant: mutant.invariant });
    // What it says is enough to play it again.
    expect(verdict.output).toContain(replayLine({ faults: 'all', ...mutant }));
    expect(verdict.output).toMatch(/^commit +\S/m);
  });
});
