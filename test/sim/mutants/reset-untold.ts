import type { Mutant } from './plant.ts';

export const mutant: Mutant = {
  name: 'reset-untold',
  what: 'A relay finds that the log has lost its end and continues from there without a reset.',
  file: 'actors/relay/stream.ts',
  edits: [
    {
      find: `    this.#fanout.reset(resetBatch(this.#channel, place));
`,
      replace: `    this.#fanout.sealed = place;
`,
    },
  ],
  seed: 11,
  invariant: 4,
};
