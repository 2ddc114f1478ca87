import type { Mutant } from './plant.ts';

export const mutant: Mutant = {
  name: 'late-is-dead',
  what: 'A node declares a process dead whose beats are only late.',
  file: 'actors/node/peers.ts',
  edits: [
    {
      find: `stillMs >= this.#limits.lifeMs`,
      replace: `stillMs >= this.#limits.gapMs`,
    },
  ],
  nodes: 3,
  seed: 1,
  invariant: 17,
};
