import type { Mutant } from '../mutants/plant.ts';

export const mutant: Mutant = {
  name: 'home-reborn-in-between',
  what: 'A new life of a home does not hear of those whom the one before had just let in.',
  file: 'actors/relay/relay.ts',
  edits: [
    {
      find: `      if (subscriber.entered) this.#enter(subscriber, 'reenter', out);`,
      replace: `      if (subscriber.isIn) this.#enter(subscriber, 'reenter', out);`,
    },
  ],
  seed: 17,
  invariant: 16,
  faults: 'db-slow,db-rival,crash,reset',
  clients: 'frames',
};
