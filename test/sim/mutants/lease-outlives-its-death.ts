import type { Mutant } from './plant.ts';

export const mutant: Mutant = {
  name: 'lease-outlives-its-death',
  what: 'The database renews the lease of a process that was declared dead.',
  file: 'store/memory/memory-leases.ts',
  edits: [
    {
      find: `const isHeld = known ? !known.isDead : mode === 'take';`,
      replace: `const isHeld = known !== undefined || mode === 'take';`,
    },
  ],
  nodes: 3,
  seed: 1,
  invariant: 10,
};
