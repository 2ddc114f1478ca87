import type { Mutant } from './plant.ts';

export const mutant: Mutant = {
  name: 'move-untold-to-relays',
  what: 'Relays do not hear that their home has moved.',
  file: 'actors/relay/relay.ts',
  edits: [
    {
      find: `if (message.shards.has(shardOf(this.#channel))) this.#requests.homeMoved(out);`,
      replace: ``,
    },
  ],
  nodes: 2,
  faults: 'net-deaf',
  seed: 1,
  invariant: 5,
};
