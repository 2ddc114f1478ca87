// Made by `npm run charts` from client/chart/client.machine.ts; a test fails when it is older.

/** Where a client is. `dead` is final. */
export type ClientState = 'idle' | 'dead' | 'connecting' | 'alive' | 'waiting' | 'suspect';
export type LifecycleTimer = 'handshake' | 'silence' | 'backoff' | 'timeout';
export type LifecycleAction = 'end' | 'open' | 'greet' | 'release' | 'abandon' | 'ping';
export type LifecycleEvent =
  | 'stopped'
  | 'started'
  | 'welcomed'
  | 'lost'
  | 'refused'
  | 'hidden'
  | 'heard'
  | 'handshake'
  | 'silence'
  | 'timeout'
  | 'backoff';

/** The timer of a state: armed as the state is entered, disarmed as it is left. */
export const TIMERS: { readonly [State in ClientState]?: LifecycleTimer } = {
  connecting: 'handshake',
  alive: 'silence',
  waiting: 'backoff',
  suspect: 'timeout',
};

type Edge = readonly [to: ClientState, done?: LifecycleAction];

/** By state and event: where it leads, and what is done on the way. */
export const LIFECYCLE: Readonly<Record<ClientState, { readonly [Event in LifecycleEvent]?: Edge }>> = {
  idle: { stopped: ['dead', 'end'], started: ['connecting', 'open'] },
  dead: {},
  connecting: {
    stopped: ['dead', 'end'],
    welcomed: ['alive', 'greet'],
    lost: ['waiting'],
    refused: ['dead', 'end'],
    hidden: ['idle', 'release'],
    handshake: ['waiting', 'abandon'],
  },
  alive: {
    stopped: ['dead', 'end'],
    lost: ['waiting'],
    refused: ['dead', 'end'],
    hidden: ['idle', 'release'],
    silence: ['suspect', 'ping'],
  },
  waiting: { stopped: ['dead', 'end'], hidden: ['idle', 'release'], backoff: ['connecting', 'open'] },
  suspect: {
    stopped: ['dead', 'end'],
    lost: ['waiting'],
    refused: ['dead', 'end'],
    hidden: ['idle', 'release'],
    heard: ['alive'],
    timeout: ['waiting', 'abandon'],
  },
};
