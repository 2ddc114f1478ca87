import { expect, test } from 'vitest';
import { allMutants, Planted } from './plant.ts';

// `npm run mutants`: which seed finds each planted bug: the one that is written down, or else the first that does. What a
// program does with a seed changes with the program, so a seed may have to be written down anew.

const SEEDS_MAX = { mutants: 300, regressions: 4_000 } as const;

test.each(['mutants', 'regressions'] as const)(
  'each of the %s is found',
  async (of) => {
    const rows: string[] = [];
    const missed: string[] = [];
    for (const mutant of await allMutants(of)) {
      const planted = new Planted(mutant);
      const known = planted.simulate(mutant.seed);
      const verdict = known.isFound ? known : planted.simulate(1, SEEDS_MAX[of]);
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
      rows.push(row.join('  '));
      if (!isFound) missed.push(mutant.name);
    }
    console.log(['mutant, seed, invariant, what it says', ...rows].join('\n'));
    expect(missed).toEqual([]);
  },
  3_600_000,
);
