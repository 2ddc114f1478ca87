import type { Mutant } from './plant.ts';

export const mutant: Mutant = {
  name: 'unban-founds-room',
  what: 'An unban in a room without a record is taken for one that has made it.',
  file: 'actors/home/record-changes.ts',
  edits: [
    {
      find: `if (change.type === 'ban' && access.record === null) {`,
      replace: `if (access.record === null) {`,
    },
  ],
  seed: 7,
  invariant: 4,
};
