import type { Mutant } from './plant.ts';

export const mutant: Mutant = {
  name: 'claim-asks-no-view',
  what: 'The claim does not ask whether the view gives the shard to the claimant.',
  file: 'store/memory/memory-log-store.ts',
  edits: [
    {
      find: `if (shard !== undefined && !this.#leases.isPlaced(shard, owner)) return null;`,
      replace: ``,
    },
  ],
  nodes: 3,
  seed: 2,
  invariant: 10,
};
