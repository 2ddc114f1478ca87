import type { Mutant } from './plant.ts';

export const mutant: Mutant = {
  name: 'deaf-and-unaware',
  what: 'A node does not notice that it hears nothing from others any more.',
  file: 'cluster/links/linked-bus.ts',
  edits: [
    {
      find: `this.#events?.heard(carrier.isUp);`,
      replace: ``,
    },
  ],
  nodes: 2,
  faults: 'net-deaf',
  seed: 2,
  invariant: 17,
};
