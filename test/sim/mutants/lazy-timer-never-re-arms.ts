import type { Mutant } from './plant.ts';

export const mutant: Mutant = {
  name: 'lazy-timer-never-re-arms',
  what: 'A timer that comes due early is not armed for the rest.',
  file: 'actors/connection/liveness.ts',
  edits: [{ find: `    if (rest > 0) out.arm(timer, rest);`, replace: `    if (rest > 0) return;` }],
  seed: 1,
  invariant: 12,
};
