import { afterAll, beforeAll, expect, test } from 'vitest';
import { allMutants, Planted } from './mutants/plant.ts';

// The seeds that find the planted bugs find nothing in a build without one, which is made the same way.

const mutants = await allMutants();
const runs = new Map(
  mutants.map((mutant) => [`${mutant.seed} ${mutant.faults} ${mutant.clients} ${mutant.nodes}`, mutant]),
);

let planted: Planted;
beforeAll(() => {
  planted = new Planted(undefined);
});
afterAll(() => planted.remove());

test.each([...runs.values()])('seed $seed, which finds $name, is clean without it', (mutant) => {
  const verdict = planted.simulate(mutant.seed, 1, mutant);
  expect(verdict.isFound, verdict.output).toBe(false);
});
