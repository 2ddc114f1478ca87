import type { Mutant } from './plant.ts';

export const mutant: Mutant = {
  name: 'outcome-of-another',
  what: 'Of a statement that stored several messages each gets the outcome of another one.',
  file: 'actors/log/group-commit.ts',
  edits: [
    {
      find: `      results.push({ serial: item.serial, epoch: item.epoch, outcome });`,
      replace: `      const other = items[items.length - 1 - at] ?? item;
      results.push({ serial: other.serial, epoch: item.epoch, outcome });`,
    },
  ],
  seed: 1,
  invariant: 6,
};
