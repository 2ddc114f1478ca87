import type { Mutant } from '../mutants/plant.ts';

export const mutant: Mutant = {
  name: 'crashed-over-an-eviction',
  what: 'A relay that crashes as it puts people off has forgotten them: they are told neither that nor of the crash.',
  file: 'actors/relay/relay.ts',
  edits: [
    {
      find: `    if (subscriber?.isIn) this.#leaving.set(connection, subscriber);
`,
      replace: ``,
    },
  ],
  seed: 1_484,
  invariant: 5,
  faults: 'crash,db-slow,flood,db-rival',
  clients: 'frames',
};
