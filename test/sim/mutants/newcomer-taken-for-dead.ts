import type { Mutant } from './plant.ts';

export const mutant: Mutant = {
  name: 'newcomer-taken-for-dead',
  what: 'A node takes the shards of a process that it has not seen yet.',
  file: 'actors/node/view-plan.ts',
  edits: [
    {
      find: `...others.map(({ incarnation }) => incarnation), ...unseen, self`,
      replace: `...others.map(({ incarnation }) => incarnation), self`,
    },
  ],
  nodes: 3,
  seed: 31,
  invariant: 10,
};
