import type { Mutant } from '../mutants/plant.ts';

export const mutant: Mutant = {
  name: 'removed-before-the-home-knew',
  what: 'Only who is known to be present is put off a channel, and a new life of the home knows nobody yet.',
  file: 'actors/home/evictions.ts',
  edits: [
    {
      find: `    if (presence.isAdmin(user)) return;
`,
      replace: `    if (presence.isAdmin(user) || !presence.users().includes(user)) return;
`,
    },
  ],
  seed: 8_858,
  invariant: 3,
  clients: 'frames',
};
