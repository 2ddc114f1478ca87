import type { Mutant } from './plant.ts';

export const mutant: Mutant = {
  name: 'moved-home-goes-on',
  what: 'A home goes on where it was when the view has moved it to another node.',
  file: 'actors/home/home.ts',
  edits: [
    {
      find: `if (!isHere) this.#leave(out);`,
      replace: ``,
    },
  ],
  nodes: 2,
  faults: 'net-deaf',
  seed: 1,
  invariant: 16,
};
