import type { Mutant } from '../mutants/plant.ts';

export const mutant: Mutant = {
  name: 'ghost-of-a-slow-lookup',
  what: 'Who leaves while his right is being looked up comes in afterwards.',
  file: 'actors/home/room.ts',
  edits: [
    {
      find: `      if (!entering) return later.reply(replyTo, GONE_MEANWHILE);
`,
      replace: ``,
    },
    {
      find: `      if (entering !== device) return`,
      replace: `      if (entering && entering !== device) return`,
    },
  ],
  seed: 441,
  invariant: 16,
  faults: 'db-slow,reset',
  clients: 'frames',
};
