import type { Mutant } from './plant.ts';

export const mutant: Mutant = {
  name: 'overflow-dropped',
  what: 'A message that does not fit into a mailbox is dropped, and its sender gets no answer.',
  file: 'runtime/mailbox.ts',
  edits: [
    {
      find: `        if (this.#user.length >= this.#userMax) return 'full';`,
      replace: `        if (this.#user.length >= this.#userMax) return 'queued';`,
    },
  ],
  seed: 5,
  invariant: 14,
};
