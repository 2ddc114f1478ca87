import type { Mutant } from './plant.ts';

export const mutant: Mutant = {
  name: 'claimed-head-forgotten',
  what: 'The home does not take over the head of the log that comes with its claim.',
  file: 'actors/home/channel-writer.ts',
  edits: [
    {
      find: `this.#head = Math.max(this.#head, head);`,
      replace: ``,
    },
  ],
  nodes: 3,
  seed: 10,
  invariant: 5,
};
