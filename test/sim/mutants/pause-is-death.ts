import type { Mutant } from './plant.ts';

export const mutant: Mutant = {
  name: 'pause-is-death',
  what: 'The time in which the database answers no process counts as a time in which the others do not beat.',
  file: 'actors/node/peers.ts',
  edits: [
    {
      find: `known.since = at.now;`,
      replace: ``,
    },
  ],
  nodes: 3,
  seed: 1,
  invariant: 17,
};
