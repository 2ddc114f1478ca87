import type { Mutant } from './plant.ts';

export const mutant: Mutant = {
  name: 'no-epoch-check',
  what: 'The append looks at the owner only: what the owner sent under an earlier reign still goes in.',
  file: 'store/memory/memory-log-store.ts',
  edits: [
    {
      find: `if (!row || row.epoch !== epoch || row.owner !== owner)`,
      replace: `if (!row || row.owner !== owner)`,
    },
  ],
  seed: 5,
  invariant: 9,
};
