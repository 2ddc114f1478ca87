import type { Mutant } from './plant.ts';

export const mutant: Mutant = {
  name: 'next-life-answers-for-both',
  what: 'What the next life of a home refuses passes for not done, although an earlier life had the request.',
  file: 'runtime/asks.ts',
  edits: [
    {
      find: `ask.mayBeDone ||= ask.isTaken;`,
      replace: ``,
    },
  ],
  nodes: 3,
  seed: 6,
  invariant: 6,
};
