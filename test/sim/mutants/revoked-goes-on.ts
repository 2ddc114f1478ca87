import type { Mutant } from './plant.ts';

export const mutant: Mutant = {
  name: 'revoked-goes-on',
  what: 'Connections whose session is ended are left to the next look at all sessions.',
  file: 'actors/sessions.ts',
  edits: [
    {
      find: `if (isEndedBy(made, key)) out.tell(address, { type: 'revoked' });`,
      replace: ``,
    },
  ],
  seed: 2,
  invariant: 3,
};
