import type { Mutant } from './plant.ts';

export const mutant: Mutant = {
  name: 'revoked-goes-on',
  what: 'The connections of an ended session stay until the next look at all sessions.',
  file: 'actors/node/sessions.ts',
  edits: [
    {
      find: `if (isEndedBy(made, key)) out.tell(address, { type: 'revoked' });`,
      replace: ``,
    },
  ],
  seed: 2,
  invariant: 3,
};
