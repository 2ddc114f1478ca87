import type { Mutant } from '../mutants/plant.ts';

export const mutant: Mutant = {
  name: 'shed-behind-a-claim',
  what: 'What the log still has of the reign before is given to it again and shed, and called not stored.',
  file: 'actors/home/ledger.ts',
  edits: [
    {
      find: `      this.#pending.doubtAll(this.#head);
      this.#adopt(claimed);
`,
      replace: `      this.#adopt(claimed);
`,
    },
  ],
  seed: 1349,
  invariant: 6,
  faults: 'flood,db-slow,db-timeout-after,db-rival,db-pool',
  clients: 'frames',
};
