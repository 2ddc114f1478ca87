import type { Mutant } from './plant.ts';

export const mutant: Mutant = {
  name: 'head-before-announcement',
  what: 'The relay reads the head while it is not announced to the home yet: what is stored in between reaches nobody.',
  file: 'actors/relay/relay.ts',
  edits: [
    {
      find: `    this.#enter(subscriber, 'enter', out);
  }`,
      replace: `    this.#askPlace(subscriber, out);
  }`,
    },
    {
      find: `    if (!subscriber.entered) return;
    if (!answer.ok`,
      replace: `    if (!subscriber.entered) {
      (subscriber as any).early = answer;
      return this.#enter(subscriber, 'enter', out);
    }
    if (!answer.ok`,
    },
    {
      find: `    // The head is read after the home knows of us`,
      replace: `    if ((subscriber as any).early) return this.#headRead(subscriber, (subscriber as any).early, 0, out);
    if (subscriber) return;
    // The head is read after the home knows of us`,
    },
  ],
  seed: 709,
  invariant: 5,
};
