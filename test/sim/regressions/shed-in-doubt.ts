import type { Mutant } from '../mutants/plant.ts';

export const mutant: Mutant = {
  name: 'shed-in-doubt',
  what: 'A message in doubt that finds no room when it is given again is called unstored.',
  file: 'actors/home/ledger.ts',
  edits: [
    {
      find: `          if (mayBeStored(pending)) isDoubted = true;
          else this.#answer(pending, this.unavailable(), out);`,
      replace: `          this.#answer(pending, this.unavailable(), out);`,
    },
  ],
  seed: 101,
  invariant: 6,
  clients: 'frames',
};
