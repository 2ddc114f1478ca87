import { BaseCore, type Additions } from './base-core.ts';
import type { ClientState } from './connection/lifecycle-table.ts';
import { wrongToken } from './connection/tokens.ts';
import { VagusError } from './errors.ts';
import type { EventName, Listener } from './events.ts';
import type { ConnectOptions } from './options.ts';
import { platformPorts, promised, sourceOf } from './platform.ts';
import type { Position } from './rooms/positions.ts';
import type { SendOptions } from './sending/send-queue.ts';
import type { JoinedRoom, SentMessage } from './wire/frames.ts';

export { VagusError } from './errors.ts';
export type { ClientEvents, EventName, Listener } from './events.ts';
export type { ConnectOptions } from './options.ts';
export type { Fetch, WebSocketClass, WebSocketLike } from './platform.ts';
export type { ChatMessage, JoinedRoom, Published, SentMessage } from './wire/frames.ts';
export type { ClientState, Position, SendOptions };

/** With what `vagus-client/rest` and `vagus-client/validation` export, where that is wanted. */
export interface BaseOptions extends ConnectOptions {
  /** `sendByRest`: how messages go while there is no connection. Without it they wait. */
  readonly secondWay?: Additions['secondWay'];
  /** `validateRequest`: refuses here what a server would refuse as `bad_frame`. Without it the server does. */
  readonly encode?: Additions['encode'];
}

/**
 * Connects to `ws://…/ws` or `wss://…/ws`, and stays connected until it is closed or refused for good (state `dead`).
 * Returns at once: what is asked waits for the connection. Throws a VagusError: `bad_url`, `no_token`, `no_websocket`.
 */
export function connect(url: string, options: BaseOptions): Client {
  const { token, secondWay, encode } = options;
  const noToken =
    typeof token === 'function' ? undefined : wrongToken(token, 'a JWT, or a function that gives one');
  if (noToken) throw new VagusError(noToken);
  const additions = { ...(secondWay ? { secondWay } : {}), ...(encode ? { encode } : {}) };
  const core = new BaseCore(
    { ...options, url, token: sourceOf(token) },
    platformPorts(url, options),
    additions,
  );
  core.start();
  return new Client(core);
}

/**
 * A client. Its promises are rejected with a {@link VagusError}; one that nobody awaits hurts nobody, and is no
 * unhandled rejection.
 */
export class Client {
  readonly #core: BaseCore;

  constructor(core: BaseCore) {
    this.#core = core;
  }

  /** Where it is in its lifecycle; `dead` is final, all else comes back by itself. */
  get state(): ClientState {
    return this.#core.state;
  }

  /** Behind which message one is in each channel, to be kept and given to `join` by another run. */
  get positions(): Readonly<Record<string, Position>> {
    return this.#core.positions;
  }

  /** Returns what takes the listener off again. */
  on<Name extends EventName>(name: Name, listener: Listener<Name>): () => void {
    return this.#core.on(name, listener);
  }

  off<Name extends EventName>(name: Name, listener: Listener<Name>): void {
    this.#core.off(name, listener);
  }

  /**
   * Wants to be in a room, now and after each reconnect. Resolves when it is in; rejects when it is refused, or is not
   * let in for `joinTimeoutMs`. `since`: the last message one has, 0 for all; without it, what comes from now on.
   */
  join(room: string, options: { readonly since?: number | Position } = {}): Promise<JoinedRoom> {
    return promised((done) => this.#core.join(room, options, done));
  }

  /** Resolves when one is off the room, at once without a connection. Code: `not_joined`. */
  leave(room: string): Promise<void> {
    return promised((done) => this.#core.leave(room, done));
  }

  /** Resolves when the message is stored; tries until then, or until its time is over. */
  send(room: string, content: string, options: SendOptions = {}): Promise<SentMessage> {
    return promised((done) => this.#core.send(room, content, options, done));
  }

  /** For good. What is not answered by now is rejected: `closed`, or `outcome_unknown` if it may be stored. */
  close(): void {
    this.#core.close();
  }
}
