import type { Mutant } from './plant.ts';

export const mutant: Mutant = {
  name: 'sdk-resumes-one-later',
  what: 'After a reconnect a channel goes on behind the message that is missing.',
  of: 'client',
  file: 'rooms/resume-batches.ts',
  edits: [
    {
      find: `    last.slice.channels[name] = given;`,
      replace: `    last.slice.channels[name] = position.seq + 1;`,
    },
  ],
  seed: 1,
  invariant: 3,
};
