import type { Mutant } from '../mutants/plant.ts';

export const mutant: Mutant = {
  name: 'record-older-than-claim',
  what: 'The record of a room is read before its channel is claimed: a deletion in between is not seen.',
  file: 'actors/home/ledger.ts',
  edits: [
    {
      find: `    this.#retry = new Retry(limits, (out) => this.#claim(out));`,
      replace: `    this.#retry = new Retry(limits, (out) => {
      if (!this.#isPrepared) this.#prepare(out);
      this.#claim(out);
    });`,
    },
    { find: `    if (!isContinued) this.#isPrepared = false;\n`, replace: `` },
  ],
  seed: 87,
  invariant: 6,
  faults: 'kill,db-slow,db-late-commit',
  clients: 'frames',
};
