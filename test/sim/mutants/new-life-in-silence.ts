import type { Mutant } from './plant.ts';

export const mutant: Mutant = {
  name: 'new-life-in-silence',
  what: 'A home that has crashed does not tell the relays that it knows nobody.',
  file: 'actors/home/home.ts',
  edits: [
    {
      find: `if (context.restarted) out.publish(this.channel, 'all', { type: 'homeStarted' });`,
      replace: ``,
    },
  ],
  nodes: 3,
  faults: 'crash',
  seed: 4,
  invariant: 5,
};
