import type { Mutant } from './plant.ts';

export const mutant: Mutant = {
  name: 'loss-untold',
  what: 'A link that has given up goes on as if nothing were lost.',
  file: 'cluster/links/outgoing-link.ts',
  edits: [
    {
      find: `    this.#againMs = AGAIN_MS;
    this.#isLossy = true;`,
      replace: `    this.#againMs = AGAIN_MS;`,
    },
  ],
  nodes: 2,
  faults: 'net-deaf',
  seed: 1,
  invariant: 14,
};
