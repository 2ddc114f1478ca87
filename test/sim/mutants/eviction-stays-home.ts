import type { Mutant } from './plant.ts';

export const mutant: Mutant = {
  name: 'eviction-stays-home',
  what: 'Only the node of the room’s home hears at once that a user lost the right.',
  file: 'actors/home/evictions.ts',
  edits: [
    {
      find: `function publish({ writer }: RoomState`,
      replace: `function publish({ writer, options }: RoomState`,
    },
    {
      find: `out.publish(writer.channel, 'all', {`,
      replace: `out.publish(writer.channel, [options.incarnation], {`,
    },
  ],
  nodes: 2,
  faults: 'reset',
  seed: 7,
  invariant: 3,
};
