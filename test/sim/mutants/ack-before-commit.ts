import type { Mutant } from './plant.ts';

export const mutant: Mutant = {
  name: 'ack-before-commit',
  what: 'The ack does not wait for the commit.',
  file: 'actors/home/channel-writer.ts',
  edits: [
    {
      find: `    if (this.#epoch > 0) this.#submit(pending, out);
    else this.claim`,
      replace: `    if (this.#epoch > 0) {
      this.#submit(pending, out);
      out.reply(asker.replyTo, { seq: this.#head + this.#pending.count, at: turn.wall, isDuplicate: false });
    } else this.claim`,
    },
  ],
  seed: 1,
  invariant: 6,
};
