import type { Mutant } from './plant.ts';

export const mutant: Mutant = {
  name: 'sdk-shows-twice',
  what: 'What comes again after a reconnect is shown again.',
  of: 'client',
  file: 'rooms/channel-reader.ts',
  edits: [
    {
      find: `    if (seq <= position) return;
    if (seq === position + 1)`,
      replace: `    if (seq <= position + 1)`,
    },
  ],
  seed: 6,
  invariant: 4,
};
