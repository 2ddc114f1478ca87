import type { Mutant } from './plant.ts';

export const mutant: Mutant = {
  name: 'doubt-is-death',
  what: 'A process that was not confirmed for a while gives itself up: a pause of the database ends all nodes.',
  file: 'actors/node/lease.ts',
  edits: [
    {
      find: `if (this.#options.cluster) out.tell(VIEW, { type: 'doubtful' });`,
      replace: `if (this.#options.cluster) out.add({ type: 'lost' });`,
    },
  ],
  nodes: 3,
  seed: 1,
  invariant: 10,
};
