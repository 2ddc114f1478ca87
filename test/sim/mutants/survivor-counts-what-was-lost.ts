import type { Mutant } from './plant.ts';

export const mutant: Mutant = {
  name: 'survivor-counts-what-was-lost',
  what: 'The next generation of a relay takes the batches of the step that threw for delivered.',
  file: 'actors/relay/rollback.ts',
  edits: [
    {
      find: `const isUndone = step === this.#step;`,
      replace: `const isUndone = false;`,
    },
    {
      find: `step === this.#step ? this.#sealed : Infinity`,
      replace: `Infinity`,
    },
  ],
  seed: 71,
  invariant: 4,
};
