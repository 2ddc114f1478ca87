import type { Mutant } from './plant.ts';

export const mutant: Mutant = {
  name: 'numbers-begin-again',
  what: 'A link that gives up numbers its frames from 1 again, in the same life.',
  file: 'cluster/links/outgoing-link.ts',
  edits: [
    {
      find: `this.#life++;`,
      replace: ``,
    },
  ],
  nodes: 2,
  faults: 'net-deaf',
  seed: 1,
  invariant: 14,
};
