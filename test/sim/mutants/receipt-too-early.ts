import type { Mutant } from './plant.ts';

export const mutant: Mutant = {
  name: 'receipt-too-early',
  what: 'A receipt names the newest frame that has come, although earlier ones are missing.',
  file: 'cluster/links/incoming-link.ts',
  edits: [
    {
      find: `upTo: this.#upTo, isMissing`,
      replace: `upTo: Math.max(this.#upTo, ...this.#early.keys()), isMissing`,
    },
  ],
  nodes: 2,
  faults: 'net-deaf',
  seed: 1,
  invariant: 14,
};
