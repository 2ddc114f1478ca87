import type { Mutant } from '../mutants/plant.ts';

export const mutant: Mutant = {
  name: 'late-resume-names-no-gap',
  what: 'A resume that comes when the channel is on already names nothing of what was stored before.',
  file: 'actors/connection/channel-table.ts',
  edits: [
    {
      find: `    const gap = since !== undefined && since < after ? { gap: { from: since + 1, to: after } } : {};`,
      replace: `    const gap = {};`,
    },
  ],
  seed: 247,
  invariant: 4,
  clients: 'frames',
};
