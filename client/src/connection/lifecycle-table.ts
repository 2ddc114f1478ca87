// Made by `npm run charts` from client/chart/client.machine.ts; a test fails when it is older.

/** Where a client is. `dead` is final. */
export type ClientState = 'idle' | 'dead' | 'connecting' | 'alive' | 'waiting' | 'suspect';
type Timer = 'handshake' | 'silence' | 'backoff' | 'timeout';
type Action = 'end' | 'open' | 'greet' | 'release' | 'abandon' | 'ping';
type Event =
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

interface Edge {
  readonly to: ClientState;
  readonly effects: readonly (readonly ['arm' | 'disarm', Timer] | readonly ['do', Action])[];
}

export type LifecycleTimer = Timer;
export type LifecycleAction = Action;
export type LifecycleEvent = Event;

/** By state and event: where it leads, and what is to be done on the way, in this order. */
export const LIFECYCLE: Readonly<Record<ClientState, { readonly [Key in Event]?: Edge }>> = {
  idle: {
    stopped: { to: 'dead', effects: [['do', 'end']] },
    started: {
      to: 'connecting',
      effects: [
        ['do', 'open'],
        ['arm', 'handshake'],
      ],
    },
  },
  dead: {},
  connecting: {
    stopped: {
      to: 'dead',
      effects: [
        ['disarm', 'handshake'],
        ['do', 'end'],
      ],
    },
    welcomed: {
      to: 'alive',
      effects: [
        ['disarm', 'handshake'],
        ['do', 'greet'],
        ['arm', 'silence'],
      ],
    },
    lost: {
      to: 'waiting',
      effects: [
        ['disarm', 'handshake'],
        ['arm', 'backoff'],
      ],
    },
    refused: {
      to: 'dead',
      effects: [
        ['disarm', 'handshake'],
        ['do', 'end'],
      ],
    },
    hidden: {
      to: 'idle',
      effects: [
        ['disarm', 'handshake'],
        ['do', 'release'],
      ],
    },
    handshake: {
      to: 'waiting',
      effects: [
        ['disarm', 'handshake'],
        ['do', 'abandon'],
        ['arm', 'backoff'],
      ],
    },
  },
  alive: {
    stopped: {
      to: 'dead',
      effects: [
        ['disarm', 'silence'],
        ['do', 'end'],
      ],
    },
    lost: {
      to: 'waiting',
      effects: [
        ['disarm', 'silence'],
        ['arm', 'backoff'],
      ],
    },
    refused: {
      to: 'dead',
      effects: [
        ['disarm', 'silence'],
        ['do', 'end'],
      ],
    },
    hidden: {
      to: 'idle',
      effects: [
        ['disarm', 'silence'],
        ['do', 'release'],
      ],
    },
    silence: {
      to: 'suspect',
      effects: [
        ['disarm', 'silence'],
        ['do', 'ping'],
        ['arm', 'timeout'],
      ],
    },
  },
  waiting: {
    stopped: {
      to: 'dead',
      effects: [
        ['disarm', 'backoff'],
        ['do', 'end'],
      ],
    },
    hidden: {
      to: 'idle',
      effects: [
        ['disarm', 'backoff'],
        ['do', 'release'],
      ],
    },
    backoff: {
      to: 'connecting',
      effects: [
        ['disarm', 'backoff'],
        ['do', 'open'],
        ['arm', 'handshake'],
      ],
    },
  },
  suspect: {
    stopped: {
      to: 'dead',
      effects: [
        ['disarm', 'timeout'],
        ['do', 'end'],
      ],
    },
    lost: {
      to: 'waiting',
      effects: [
        ['disarm', 'timeout'],
        ['arm', 'backoff'],
      ],
    },
    refused: {
      to: 'dead',
      effects: [
        ['disarm', 'timeout'],
        ['do', 'end'],
      ],
    },
    hidden: {
      to: 'idle',
      effects: [
        ['disarm', 'timeout'],
        ['do', 'release'],
      ],
    },
    heard: {
      to: 'alive',
      effects: [
        ['disarm', 'timeout'],
        ['arm', 'silence'],
      ],
    },
    timeout: {
      to: 'waiting',
      effects: [
        ['disarm', 'timeout'],
        ['do', 'abandon'],
        ['arm', 'backoff'],
      ],
    },
  },
};
