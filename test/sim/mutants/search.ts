import { expect, test } from 'vitest';
import { allMutants, Planted } from './plant.ts';

// `npm run mutants`: looks for each planted bug from the first seed on, and prints which one finds it.

const SEEDS_MAX = 300;

test(`each planted bug is found within ${SEEDS_MAX} seeds`, async () => {
  const rows: string[] = [];
  const missed: string[] = [];
  for (const mutant of await allMutants('mutants')) {
    const planted = new Planted(mutant);
    const { isFound, seed, invariant, output } = planted.simulate(1, SEEDS_MAX);
    planted.remove();
    const found = /^found +(.*)$/m.exec(output)?.[1] ?? output.slice(0, 200);
    rows.push(
      `${mutant.name.padEnd(26)} ${String(seed ?? '-').padStart(4)}  ${String(invariant ?? '-').padStart(9)}  ${found.slice(0, 110)}`,
    );
    if (!isFound) missed.push(mutant.name);
  }
  console.log([`${'mutant'.padEnd(26)} seed  invariant  found`, ...rows].join('\n'));
  expect(missed).toEqual([]);
}, 1_800_000);
