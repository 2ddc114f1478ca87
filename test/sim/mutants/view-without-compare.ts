import type { Mutant } from './plant.ts';

export const mutant: Mutant = {
  name: 'view-without-compare',
  what: 'The database takes a view whose author has not seen the one before.',
  file: 'store/memory/memory-leases.ts',
  edits: [
    {
      find: `if (version !== before?.version || stamp !== before?.stamp) return false;`,
      replace: ``,
    },
  ],
  nodes: 3,
  seed: 1,
  invariant: 10,
};
