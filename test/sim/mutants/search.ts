import { expect, test } from 'vitest';
import { allMutants, Planted } from './plant.ts';

// `npm run mutants`: which seed finds each planted bug: the one that is written down, or else the first that does. What a
// program does with a seed changes with the program, so a seed may have to be written down anew.

const SEEDS_MAX = 1_000;

test('each of the mutants is found', async () => {
  const missed: string[] = [];
  for (const mutant of await allMutants()) {
    const planted = new Planted(mutant);
    const known = planted.simulate(mutant.seed);
    const verdict = known.isFound ? known : planted.simulate(1, SEEDS_MAX);
    planted.remove();
    const { isFound, seed, invariant, output } = verdict;
    const found = /^found +(.*)$/m.exec(output)?.[1] ?? output.slice(0, 200);
    const row = [
      mutant.name.padEnd(28),
      seed ?? '-',
      verdict === known ? 'as written' : 'anew',
      invariant ?? '-',
      found.slice(0, 110),
    ];
    // One by one: it takes a while, and what was found is not lost with what no longer fits.
    console.log(row.join('  '));
    if (!isFound) missed.push(mutant.name);
  }
  expect(missed).toEqual([]);
}, 3_600_000);
