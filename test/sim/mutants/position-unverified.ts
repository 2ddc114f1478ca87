import type { Mutant } from './plant.ts';

export const mutant: Mutant = {
  name: 'position-unverified',
  what: 'The home’s word for the head is enough for a client that names its position: the log is not asked.',
  file: 'actors/relay/relay.ts',
  edits: [
    {
      find: `if (head === undefined || subscriber.position) return`,
      replace: `if (head === undefined) return`,
    },
  ],
  nodes: 2,
  faults: 'db-failover,reset',
  seed: 4,
  invariant: 4,
};
