import type { Mutant } from '../mutants/plant.ts';

export const mutant: Mutant = {
  name: 'removal-nobody-read',
  what: 'A removal of unknown outcome, and rights that could not be read just then: who is present stays for good.',
  file: 'actors/home/evictions.ts',
  edits: [
    {
      find: `        if (refusal?.error === 'unavailable') later.arm('record', retryAfterMs);
        else if (refusal) this.expel(user, at, later);
`,
      replace: `        if (refusal && refusal.error !== 'unavailable') this.expel(user, at, later);
`,
    },
  ],
  seed: 8_666,
  invariant: 16,
};
