import type { Mutant } from './plant.ts';

export const mutant: Mutant = {
  name: 'held-for-the-old-node',
  what: 'Messages that wait for a home’s life stay with the node that it was on.',
  file: 'runtime/remote.ts',
  edits: [
    {
      find: `placement.ownerOf(to) !== peer, this.#held.takeAll());`,
      replace: `placement.ownerOf(to) !== peer, []);`,
    },
    {
      find: `if (!isThere) this.#redeliver(outgoing);
      else if`,
      replace: `if`,
    },
    {
      find: `if ((this.#held.peerOf(to) ?? peer) !== peer) this.#release(to);`,
      replace: ``,
    },
  ],
  nodes: 3,
  seed: 36,
  invariant: 5,
};
