import type { Mutant } from './plant.ts';

export const mutant: Mutant = {
  name: 'removals-unread',
  what: 'A node that does not hear of a removal from the room’s home does not read it by its number either.',
  file: 'actors/node/newer-losses.ts',
  edits: [
    {
      find: `if (loss.kind === 'removal')`,
      replace: `if (false)`,
    },
  ],
  nodes: 3,
  faults: 'net-deaf',
  seed: 7,
  invariant: 3,
};
