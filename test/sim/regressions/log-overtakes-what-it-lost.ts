import type { Mutant } from '../mutants/plant.ts';

export const mutant: Mutant = {
  name: 'log-overtakes-what-it-lost',
  what: 'After a crash the log stores what came behind entries that it has lost.',
  file: 'actors/log/group-commit.ts',
  edits: [
    {
      find: `    const isBehindLost = this.#granted !== undefined && this.#granted.get(channel) !== epoch;`,
      replace: `    const isBehindLost = false;`,
    },
  ],
  seed: 22,
  invariant: 8,
  clients: 'frames',
};
