import type { Mutant } from './plant.ts';

export const mutant: Mutant = {
  name: 'no-epoch-check',
  what: 'The append checks the owner only: it stores messages of the owner under an earlier epoch.',
  file: 'store/memory/memory-log-store.ts',
  edits: [
    {
      find: `if (!row || row.epoch !== epoch || row.owner !== owner)`,
      replace: `if (!row || row.owner !== owner)`,
    },
  ],
  seed: 11,
  invariant: 9,
};
