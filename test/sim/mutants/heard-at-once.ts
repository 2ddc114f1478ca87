import type { Mutant } from './plant.ts';

export const mutant: Mutant = {
  name: 'heard-at-once',
  what: 'A node that was deaf for long says that it is heard as soon as it hears something.',
  file: 'actors/node/unheard.ts',
  edits: [
    {
      find: `return this.#isHeard && (this.#outageMs < UNHEARD_MS || now - this.#since >= HEARD_MS);`,
      replace: `return this.#isHeard;`,
    },
  ],
  nodes: 2,
  faults: 'net-deaf',
  seed: 2,
  invariant: 17,
};
