import type { Mutant } from './plant.ts';

export const mutant: Mutant = {
  name: 'sdk-resumes-one-later',
  what: 'After a reconnect a channel continues after the missing message.',
  of: 'client',
  file: 'rooms/positions.ts',
  edits: [
    {
      find: `last.batch.channels[channel] = given;`,
      replace: `last.batch.channels[channel] = place.seq + 1;`,
    },
  ],
  seed: 1,
  invariant: 3,
};
