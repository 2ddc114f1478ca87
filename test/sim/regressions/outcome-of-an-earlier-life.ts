import type { Mutant } from '../mutants/plant.ts';

export const mutant: Mutant = {
  name: 'outcome-of-an-earlier-life',
  what: 'An outcome for an earlier life of the home is taken for that of a message of this one.',
  file: 'actors/home/ledger.ts',
  edits: [
    {
      find: `      return pending?.givenAt === result.epoch ? [{ pending, outcome: result.outcome }] : [];`,
      replace: `      return pending ? [{ pending, outcome: result.outcome }] : [];`,
    },
  ],
  seed: 876,
  invariant: 6,
};
