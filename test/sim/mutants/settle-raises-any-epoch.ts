import type { Mutant } from './plant.ts';

export const mutant: Mutant = {
  name: 'settle-raises-any-epoch',
  what: 'A home that settles a doubt raises the epoch, even if another home owns the channel by then.',
  file: 'store/memory/memory-log-store.ts',
  edits: [
    {
      find: `    if (mode === 'settle' && !isOwn) return undefined;
`,
      replace: ``,
    },
  ],
  seed: 1,
  invariant: 9,
};
