import type { Mutant } from '../mutants/plant.ts';

export const mutant: Mutant = {
  name: 'late-deletion',
  what: 'A deletion whose outcome was unknown hits what was stored after it was given up.',
  file: 'store/memory/memory-log-store.ts',
  edits: [
    {
      find: `      if (row ? row.epoch !== epoch || row.owner !== owner : epoch !== 0) return null;
`,
      replace: ``,
    },
  ],
  seed: 6,
  invariant: 9,
  clients: 'frames',
};
