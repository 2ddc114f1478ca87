import type { Mutant } from './plant.ts';

export const mutant: Mutant = {
  name: 'new-home-knows-no-doubt',
  what: 'A home that begins on a node in doubt does not hear of the doubt.',
  file: 'actors/node/view.ts',
  edits: [
    {
      find: `if (this.#isDoubtful !== false)`,
      replace: `if (false)`,
    },
  ],
  nodes: 3,
  seed: 1,
  invariant: 10,
};
