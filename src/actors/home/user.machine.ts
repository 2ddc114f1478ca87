import { setup } from 'xstate';

/** The lifecycle of a user (LC3): what all the user's connections together say. */
export const userMachine = setup({
  types: {
    events: {} as { type: 'connectionHeard' | 'allSilent' | 'lastLost' | 'lastGone' },
  },
  delays: { grace: 15_000 },
  actions: { release: () => {} },
}).createMachine({
  id: 'user',
  initial: 'connecting',
  states: {
    connecting: {
      on: { connectionHeard: 'alive', lastLost: 'suspect.lost', lastGone: 'dead' },
    },
    alive: {
      on: { allSilent: 'suspect.silent', lastLost: 'suspect.lost', lastGone: 'dead' },
    },
    suspect: {
      initial: 'silent',
      on: { connectionHeard: 'alive', lastGone: 'dead' },
      states: {
        silent: { on: { lastLost: 'lost' } },
        lost: { on: { allSilent: 'silent' }, after: { grace: '#user.dead' } },
      },
    },
    dead: { type: 'final', entry: 'release' },
  },
});
