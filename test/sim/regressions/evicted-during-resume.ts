import type { Mutant } from '../mutants/plant.ts';

export const mutant: Mutant = {
  name: 'evicted-during-resume',
  what: 'Who is put off a channel while his resume is under way is told that he is on it.',
  file: 'actors/connection/subscriptions.ts',
  edits: [
    {
      find: `    this.#resume?.evicted(channel, error);
`,
      replace: ``,
    },
  ],
  seed: 591,
  invariant: 5,
  faults: 'storm,reset,db-slow',
  clients: 'frames',
};
