import type { Mutant } from './plant.ts';

export const mutant: Mutant = {
  name: 'outcome-of-another',
  what: 'Each message of a statement that stored several gets the outcome of another one.',
  file: 'actors/log/group-commit.ts',
  edits: [
    {
      find: `      results.push(resultOf(append, outcome));`,
      replace: `      results.push(resultOf(appends[appends.length - 1 - at] ?? append, outcome));`,
    },
  ],
  seed: 1,
  invariant: 3,
};
