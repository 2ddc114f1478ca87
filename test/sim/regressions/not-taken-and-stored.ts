import type { Mutant } from '../mutants/plant.ts';

export const mutant: Mutant = {
  name: 'not-taken-and-stored',
  what: 'Who sends again what is stored, to a home whose mailbox is full, is told unavailable: so, not stored.',
  file: 'actors/connection/chats.ts',
  edits: [
    {
      find: 'notTaken({ isFirst: id === undefined, retryAfterMs })',
      replace: 'notTaken({ isFirst: true, retryAfterMs })',
    },
  ],
  seed: 27,
  invariant: 6,
};
