import type { Mutant } from './plant.ts';

export const mutant: Mutant = {
  name: 'sdk-resumes-one-later',
  what: 'After a reconnect a channel goes on behind the message that is missing.',
  of: 'client',
  file: 'subscriptions.ts',
  edits: [
    {
      find: `      channels[name] = reader.position;`,
      replace: `      channels[name] = reader.position + 1;`,
    },
  ],
  seed: 1,
  invariant: 3,
};
