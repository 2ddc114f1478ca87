import type { Mutant } from '../mutants/plant.ts';

export const mutant: Mutant = {
  name: 'overtaken-by-who-was-admitted',
  what: 'While a membership is being read its user is admitted: what he sends then overtakes what waits for the reading.',
  file: 'actors/home/access.ts',
  edits: [
    {
      find: `    if (waiting && waiting.length >= WAITING_MAX) return then(this.#unavailable(), turn, out);
    if (waiting) return void waiting.push({ actor, decide: then });
    const refusal = this.#refusal(actor, turn);
    if (refusal !== 'membership' && refusal !== 'banned') return then(refusal, turn, out);
`,
      replace: `    const refusal = this.#refusal(actor, turn);
    if (refusal !== 'membership' && refusal !== 'banned') return then(refusal, turn, out);
    if (waiting && waiting.length >= WAITING_MAX) return then(this.#unavailable(), turn, out);
    if (waiting) return void waiting.push({ actor, decide: then });
`,
    },
  ],
  seed: 23_097,
  invariant: 8,
  clients: 'frames',
};
