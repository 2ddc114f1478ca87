import type { Mutant } from './plant.ts';

export const mutant: Mutant = {
  name: 'doubtful-home-serves',
  what: 'The home serves clients while others may think its node dead.',
  file: 'actors/home/home.ts',
  edits: [
    {
      find: `if (this.#isDoubtful && asker.replyTo) return out.reply(asker.replyTo, this.writer.unavailable());`,
      replace: ``,
    },
  ],
  nodes: 3,
  seed: 1,
  invariant: 10,
};
