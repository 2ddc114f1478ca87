import type { Mutant } from './plant.ts';

export const mutant: Mutant = {
  name: 'gave-up-unasked',
  what: 'What a link has given up is not sent again.',
  file: 'runtime/remote.ts',
  edits: [
    {
      find: `this.#sendAgain((_, sent) => sent.peer === peer, []);`,
      replace: ``,
    },
  ],
  nodes: 2,
  faults: 'net-deaf',
  seed: 1,
  invariant: 8,
};
