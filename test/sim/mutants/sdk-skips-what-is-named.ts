import type { Mutant } from './plant.ts';

export const mutant: Mutant = {
  name: 'sdk-skips-what-is-named',
  what: 'The client takes a gap that the server names for read.',
  of: 'client',
  file: 'rooms/channel-reader.ts',
  edits: [
    {
      find: `    this.#readTo = Math.max(this.#readTo, to);
    this.#readOn();`,
      replace: `    this.#position = Math.max(this.#position, to);`,
    },
  ],
  seed: 2,
  invariant: 4,
};
