import type { Mutant } from './plant.ts';

export const mutant: Mutant = {
  name: 'sdk-joins-in-silence',
  what: 'A join of a room that is being resumed is never answered.',
  of: 'client',
  file: 'rooms/subscriptions.ts',
  edits: [
    {
      find: `if (one.isWaitedFor && this.#isWanted(one) && !one.isAsked) this.#join(one);`,
      replace: ``,
    },
  ],
  seed: 2,
  invariant: 5,
};
