import { setup } from 'xstate';

const HIDDEN = { target: 'idle', actions: 'release' } as const;

/**
 * The life of a client, over all its connections.
 *
 * Frames do not pass through here: they touch `heardAt`, and a timer that comes due early is armed again for the rest.
 * Only a suspect client is told that it heard something. `hidden` is a page that is put away, whole and asleep, and may be
 * shown again (`started`). How long a pause is, and what is refused for good, is the
 * core's to know; the delays here are the longest ones.
 */
export const clientMachine = setup({
  types: {
    events: {} as { type: 'started' | 'welcomed' | 'heard' | 'lost' | 'refused' | 'hidden' | 'stopped' },
  },
  delays: { handshake: 10_000, silence: 30_000, timeout: 30_000, backoff: 20_000 },
  actions: {
    open: () => {},
    greet: () => {},
    ping: () => {},
    abandon: () => {},
    release: () => {},
    end: () => {},
  },
}).createMachine({
  id: 'client',
  initial: 'idle',
  on: { stopped: '.dead' },
  states: {
    idle: { on: { started: 'connecting' } },
    connecting: {
      entry: 'open',
      on: {
        welcomed: { target: 'alive', actions: 'greet' },
        lost: 'waiting',
        refused: 'dead',
        hidden: HIDDEN,
      },
      after: { handshake: { target: 'waiting', actions: 'abandon' } },
    },
    alive: {
      on: { lost: 'waiting', refused: 'dead', hidden: HIDDEN },
      after: { silence: { target: 'suspect', actions: 'ping' } },
    },
    suspect: {
      on: { heard: 'alive', lost: 'waiting', refused: 'dead', hidden: HIDDEN },
      after: { timeout: { target: 'waiting', actions: 'abandon' } },
    },
    waiting: { on: { hidden: HIDDEN }, after: { backoff: 'connecting' } },
    dead: { type: 'final', entry: 'end' },
  },
});
