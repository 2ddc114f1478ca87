import type { Mutant } from '../mutants/plant.ts';

export const mutant: Mutant = {
  name: 'unavailable-and-stored',
  what: 'Who sends again what is stored, to a home that takes nothing right now, is told unavailable: so, not stored.',
  file: 'actors/home/ledger.ts',
  edits: [
    {
      find: 'if (!pending) return out.reply(asker.replyTo, this.notTaken(asker));',
      replace: 'if (!pending) return out.reply(asker.replyTo, this.unavailable());',
    },
  ],
  seed: 1,
  invariant: 6,
};
