import type { Mutant } from './plant.ts';

export const mutant: Mutant = {
  name: 'late-is-dead',
  what: 'A node declares a process dead whose beats are only late.',
  file: 'actors/node/peers.ts',
  edits: [
    {
      find: `at.sentAt - known.since >= this.#limits.lifeMs`,
      replace: `at.sentAt - known.since >= this.#limits.gapMs`,
    },
  ],
  nodes: 3,
  seed: 1,
  invariant: 17,
};
