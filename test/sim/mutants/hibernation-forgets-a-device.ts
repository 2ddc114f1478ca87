import type { Mutant } from './plant.ts';

export const mutant: Mutant = {
  name: 'hibernation-forgets-a-device',
  what: 'A relay that wakes sends to the first device of its user only.',
  file: 'actors/relay/hibernated.ts',
  edits: [
    {
      find: `  for (const connection of live) fanout.add(connection);`,
      replace: `  for (const connection of live.slice(0, 1)) fanout.add(connection);`,
    },
  ],
  seed: 15,
  invariant: 5,
};
