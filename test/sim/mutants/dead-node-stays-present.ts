import type { Mutant } from './plant.ts';

export const mutant: Mutant = {
  name: 'dead-node-stays-present',
  what: 'The homes do not hear that a process is over, and keep its devices.',
  file: 'actors/node/view.ts',
  edits: [
    {
      find: `for (const incarnation of gone) this.#tellHomes({ type: 'withdraw', incarnation }, out);`,
      replace: ``,
    },
  ],
  nodes: 3,
  seed: 2,
  invariant: 16,
};
