import type { Mutant } from './plant.ts';

export const mutant: Mutant = {
  name: 'sdk-forgets-its-doubt',
  what: 'A message that was under way when the connection was lost fails as unsent when its time is over.',
  of: 'client',
  file: 'sending/send-queue.ts',
  edits: [
    {
      find: `      message.stage = 'waiting';
      message.isDoubtful = true;`,
      replace: `      message.stage = 'waiting';`,
    },
  ],
  seed: 16,
  invariant: 6,
};
