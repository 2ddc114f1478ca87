import type { Mutant } from './plant.ts';

export const mutant: Mutant = {
  name: 'lease-by-the-wall-clock',
  what: 'A process judges the leases by its wall clock.',
  file: 'actors/node/lease.ts',
  edits: [
    {
      find: `sentAt: turn.now }, out);`,
      replace: `sentAt: turn.wall }, out);`,
    },
    {
      find: `sentAt, now: turn.now });`,
      replace: `sentAt, now: turn.wall });`,
    },
    {
      find: `this.#doubtMs(turn.now)`,
      replace: `this.#doubtMs(turn.wall)`,
    },
    {
      find: `this.#confirmedAt = Math.max(this.#confirmedAt, underWay.sentAt);`,
      replace: `this.#confirmedAt = underWay.sentAt;`,
    },
  ],
  nodes: 2,
  faults: 'wall-jump,kill',
  seed: 19,
  invariant: 17,
};
