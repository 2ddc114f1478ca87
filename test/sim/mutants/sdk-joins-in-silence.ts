import type { Mutant } from './plant.ts';

export const mutant: Mutant = {
  name: 'sdk-joins-in-silence',
  what: 'A join of a room that is being resumed is never answered.',
  of: 'client',
  file: 'rooms/subscriptions.ts',
  edits: [
    {
      find: `return isAsked || !this.#isWanted(wanted) ? undefined : this.#join(wanted);`,
      replace: `return undefined;`,
    },
  ],
  seed: 2,
  invariant: 5,
};
