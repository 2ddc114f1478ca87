import type { Mutant } from './plant.ts';

export const mutant: Mutant = {
  name: 'slow-client-skips-page',
  what: 'A slow client counts as caught up after its first page.',
  file: 'actors/relay/catch-up.ts',
  edits: [
    {
      find: `      this.#positions.set(connection, reached);`,
      replace: `      this.#positions.set(connection, this.#fanout.sealed);`,
    },
  ],
  seed: 2,
  invariant: 4,
};
