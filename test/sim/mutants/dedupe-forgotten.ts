import type { Mutant } from './plant.ts';

export const mutant: Mutant = {
  name: 'dedupe-forgotten',
  what: 'The append finds repeats under its own epoch only: after a restart they are stored again.',
  file: 'store/memory/memory-log-store.ts',
  edits: [
    {
      find: `    if (before) return { type: 'duplicate'`,
      replace: `    if (before?.epoch === row.epoch) return { type: 'duplicate'`,
    },
  ],
  seed: 1,
  invariant: 6,
};
