import type { Mutant } from './plant.ts';

export const mutant: Mutant = {
  name: 'relay-skips-gap',
  what: 'The relay shows each publication at once, even if entries before it are missing.',
  file: 'actors/relay/stream.ts',
  edits: [
    {
      find: `const isNext = fresh[0]?.seq === last + 1 && this.#known <= last;`,
      replace: `const isNext = true;`,
    },
  ],
  seed: 1,
  invariant: 11,
};
