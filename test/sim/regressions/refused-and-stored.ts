import type { Mutant } from '../mutants/plant.ts';

export const mutant: Mutant = {
  name: 'refused-and-stored',
  what: 'Who sends again what is stored, after the right was lost, is told that it is forbidden: so, not stored.',
  file: 'actors/home/intake.ts',
  edits: [
    {
      find: `this.#ledger.unknown());
      this.#refusals.refuse(sent, refusal, at, later);`,
      replace: `this.#ledger.unknown());
      later.reply(asker.replyTo, refusal);`,
    },
  ],
  seed: 5,
  invariant: 6,
};
