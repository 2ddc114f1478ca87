import type { Mutant } from './plant.ts';

export const mutant: Mutant = {
  name: 'ban-lets-stay',
  what: 'Who is banned is refused from then on, and goes on hearing the room that he is in.',
  file: 'actors/home/record-changes.ts',
  edits: [
    {
      find: `    if (change.type === 'ban') evictions.expel(change.user, turn, out);`,
      replace: ``,
    },
  ],
  seed: 2,
  invariant: 3,
};
