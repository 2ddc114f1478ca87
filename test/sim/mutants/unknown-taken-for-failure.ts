import type { Mutant } from './plant.ts';

export const mutant: Mutant = {
  name: 'unknown-taken-for-failure',
  what: 'A commit whose outcome is unknown is taken for one that failed.',
  file: 'actors/home/channel-writer.ts',
  edits: [
    {
      find: `          if (outcome.type === 'unknown') pending.doubtedAt ??= this.#head;
`,
      replace: ``,
    },
  ],
  seed: 5,
  invariant: 6,
};
