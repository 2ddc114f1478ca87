import type { Mutant } from './plant.ts';

export const mutant: Mutant = {
  name: 'recall-out-of-order',
  what: 'What is sent again to a home that has moved comes in another order.',
  file: 'runtime/asks.ts',
  edits: [
    {
      find: `recalled.push(remote);`,
      replace: `recalled.unshift(remote);`,
    },
  ],
  nodes: 3,
  seed: 1,
  invariant: 8,
};
