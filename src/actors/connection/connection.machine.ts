import { setup } from 'xstate';
import { CLOSE_CODES } from '../../protocol/codes.ts';

/**
 * The lifecycle of a connection (LC2).
 *
 * Frames do not pass through here: they touch `lastSeenAt`, and a timer that comes due early is armed
 * again for the rest (D3). The event `heard` reaches a suspect connection only.
 */
export const connectionMachine = setup({
  types: {
    events: {} as {
      type:
        | 'welcomed'
        | 'heard'
        | 'socketClosed'
        | 'fellBehind'
        | 'tokenExpired'
        | 'sessionRevoked'
        | 'misbehaved'
        | 'abusedLimits'
        | 'nodeDrained'
        | 'channelLost';
    },
  },
  delays: { handshake: 10_000, quiet: 20_000, silence: 30_000, timeout: 90_000 },
  actions: {
    ping: () => {},
    tellSuspect: () => {},
    tellAlive: () => {},
    close: (_, _params: { code: number }) => {},
    release: () => {},
  },
}).createMachine({
  id: 'connection',
  initial: 'connecting',
  on: {
    socketClosed: '.dead',
    fellBehind: { target: '.dead', actions: { type: 'close', params: { code: CLOSE_CODES.slow_consumer } } },
    tokenExpired: {
      target: '.dead',
      actions: { type: 'close', params: { code: CLOSE_CODES.token_expired } },
    },
    sessionRevoked: {
      target: '.dead',
      actions: { type: 'close', params: { code: CLOSE_CODES.session_revoked } },
    },
    misbehaved: {
      target: '.dead',
      actions: { type: 'close', params: { code: CLOSE_CODES.too_many_bad_frames } },
    },
    abusedLimits: {
      target: '.dead',
      actions: { type: 'close', params: { code: CLOSE_CODES.rate_abuse } },
    },
    channelLost: {
      target: '.dead',
      actions: { type: 'close', params: { code: CLOSE_CODES.internal_error } },
    },
    nodeDrained: { target: '.dead', actions: { type: 'close', params: { code: CLOSE_CODES.draining } } },
  },
  states: {
    connecting: {
      on: { welcomed: { target: 'alive', actions: 'tellAlive' } },
      after: {
        handshake: {
          target: 'dead',
          actions: { type: 'close', params: { code: CLOSE_CODES.internal_error } },
        },
      },
    },
    alive: {
      tags: 'open',
      after: {
        quiet: { target: 'alive', reenter: true, actions: 'ping' },
        silence: { target: 'suspect', actions: 'tellSuspect' },
      },
    },
    suspect: {
      tags: 'open',
      on: { heard: { target: 'alive', actions: 'tellAlive' } },
      after: {
        timeout: {
          target: 'dead',
          actions: { type: 'close', params: { code: CLOSE_CODES.heartbeat_timeout } },
        },
      },
    },
    dead: { type: 'final', entry: 'release' },
  },
});
