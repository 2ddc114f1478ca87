import type { Mutant } from './plant.ts';

export const mutant: Mutant = {
  name: 'ban-lets-stay',
  what: 'A banned user is refused from then on, and still gets the messages of the room.',
  file: 'actors/home/room-commands.ts',
  edits: [
    {
      find: `  if (change.type === 'ban') expel(room, { user: change.user, number }, turn, out);`,
      replace: ``,
    },
  ],
  seed: 16,
  invariant: 3,
};
