import { setup } from 'xstate';

/**
 * The lifecycle of a room, and of every other channel's home (LC4): the one actor that may append to it.
 * While it is suspect it accepts nothing new, and settles first what it has accepted.
 */
export const roomMachine = setup({
  types: {
    events: {} as { type: 'claimed' | 'storeDoubted' | 'deposed' | 'drained' },
  },
  delays: { idle: 300_000 },
  actions: { release: () => {} },
}).createMachine({
  id: 'room',
  initial: 'connecting',
  on: { deposed: '.dead', drained: '.dead' },
  states: {
    connecting: { on: { claimed: 'alive', storeDoubted: 'suspect' } },
    alive: { tags: 'open', on: { storeDoubted: 'suspect' }, after: { idle: 'dead' } },
    suspect: { on: { claimed: 'alive' } },
    dead: { type: 'final', entry: 'release' },
  },
});
