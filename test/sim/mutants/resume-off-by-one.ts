import type { Mutant } from './plant.ts';

export const mutant: Mutant = {
  name: 'resume-off-by-one',
  what: 'A client that comes back misses the message after its last one.',
  file: 'actors/connection/resume.ts',
  edits: [
    {
      find: `    this.#starts.push({ channel, after });`,
      replace: `    this.#starts.push({ channel, after: Math.min(after + 1, found.head) });`,
    },
  ],
  seed: 1,
  invariant: 4,
};
