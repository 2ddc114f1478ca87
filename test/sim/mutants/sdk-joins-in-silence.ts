import type { Mutant } from './plant.ts';

export const mutant: Mutant = {
  name: 'sdk-joins-in-silence',
  what: 'A join of a room that is being resumed is never answered.',
  of: 'client',
  file: 'subscriptions.ts',
  edits: [
    {
      find: `return wish?.isWaitedFor && this.#isWanted(wish) && !wish.isAsked ? this.#join(wish) : undefined;`,
      replace: `return undefined;`,
    },
  ],
  seed: 2,
  invariant: 5,
};
