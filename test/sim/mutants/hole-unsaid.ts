import type { Mutant } from './plant.ts';

export const mutant: Mutant = {
  name: 'hole-unsaid',
  what: 'A node does not hear that messages of a peer were lost.',
  file: 'cluster/links/linked-bus.ts',
  edits: [
    {
      find: `this.#events?.hole(from);`,
      replace: ``,
    },
  ],
  nodes: 2,
  faults: 'net-deaf',
  seed: 1,
  invariant: 14,
};
