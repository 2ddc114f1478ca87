import type { Mutant } from './plant.ts';

export const mutant: Mutant = {
  name: 'sdk-joins-in-silence',
  what: 'A join of a room that is being resumed is never answered.',
  of: 'client',
  file: 'subscriptions.ts',
  edits: [
    {
      find: `      if (wish?.isWaitedFor &&`,
      replace: `      if (false && wish?.isWaitedFor &&`,
    },
  ],
  seed: 1,
  invariant: 5,
};
