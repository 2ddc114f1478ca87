import type { Mutant } from '../mutants/plant.ts';

export const mutant: Mutant = {
  name: 'late-resume-names-no-gap',
  what: 'A resume that comes when the channel is on already names nothing of what was stored before.',
  file: 'actors/connection/channel-table.ts',
  edits: [
    {
      find: `    return position.seq < after ? { ...already, gap: { from: position.seq + 1, to: after } } : already;`,
      replace: `    return after < 0 ? { ...already } : already;`,
    },
  ],
  seed: 360,
  invariant: 4,
  clients: 'frames',
};
