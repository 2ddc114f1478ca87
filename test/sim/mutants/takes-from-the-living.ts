import type { Mutant } from './plant.ts';

export const mutant: Mutant = {
  name: 'takes-from-the-living',
  what: 'A node moves the shards of other living nodes to where they belong.',
  file: 'actors/node/view-plan.ts',
  edits: [
    {
      find: `(holder === self && left > 0 && target(shard) !== self)`,
      replace: `(left > 0 && target(shard) !== holder)`,
    },
  ],
  nodes: 3,
  seed: 1,
  invariant: 10,
};
