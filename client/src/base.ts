import { BaseCore, type BaseAdditions } from './base-core.ts';
import type { ClientState } from './connection/lifecycle-table.ts';
import type { EventName, Listener } from './events.ts';
import { platformPorts, promised, sourceOf, type Fetch, type WebSocketClass } from './platform.ts';
import type { Position } from './rooms/positions.ts';
import type { SendOptions } from './sending/send-queue.ts';
import type { JoinedRoom, SentMessage } from './wire/frames.ts';

export { VagusError } from './errors.ts';
export type { ClientEvents, EventName, Listener } from './events.ts';
export type { Fetch, WebSocketClass, WebSocketLike } from './platform.ts';
export type { ChatMessage, JoinedRoom, Published, SentMessage } from './wire/frames.ts';
export type { ClientState, Position, SendOptions };

export interface ConnectOptions {
  /** A JWT, or a function that supplies one. The client calls it at first, before a token expires, and after a refusal. */
  readonly token: string | (() => string | Promise<string>);
  /** For platforms without a global one: Node.js before 22 needs that of `ws`. */
  readonly WebSocket?: WebSocketClass;
  /** The function for HTTP requests; by default the global one. */
  readonly fetch?: Fetch;
  /** Messages that may wait to be sent, 1 to 1,000,000, by default 1,000. The client refuses more with `queue_full`. */
  readonly queueMax?: number;
  /** How long the client tries to send a message, milliseconds up to a day, by default 60,000; 0: for ever. */
  readonly sendTimeoutMs?: number;
  /** How long a `join` waits for entry, milliseconds up to a day, by default 60,000; 0: for ever. */
  readonly joinTimeoutMs?: number;
}

/** The options of `connect` of `vagus-client`, without `fetch`. */
export type BaseOptions = Omit<ConnectOptions, 'fetch'>;

/**
 * Connects to `ws://…/ws` or `wss://…/ws`, and stays connected until it is closed or refused for good (state `dead`).
 * Returns at once; requests wait for the connection. `additions`: `{ http: rest(url), encode: validateRequest }`, of
 * `vagus-client/rest` and `vagus-client/validation`, or one of them. Throws a VagusError: `no_token`, `no_websocket`.
 */
export function connect(url: string, options: BaseOptions, additions: BaseAdditions = {}): Client {
  const token = sourceOf(options.token);
  const core = new BaseCore({ ...options, url, token }, platformPorts(options), additions);
  core.start();
  return new Client(core);
}

/**
 * A client. Its promises reject with a {@link VagusError}. A promise that the application does not await causes no
 * unhandled rejection.
 */
export class Client {
  readonly #core: BaseCore;

  constructor(core: BaseCore) {
    this.#core = core;
  }

  /** The state of its lifecycle. `dead` is final; from all others the client recovers by itself. */
  get state(): ClientState {
    return this.#core.state;
  }

  /** The client's position in each channel, to store and to pass to `join` in another run. */
  get positions(): Readonly<Record<string, Position>> {
    return this.#core.positions;
  }

  /** Adds a listener. Returns a function that removes it. */
  on<Name extends EventName>(name: Name, listener: Listener<Name>): () => void {
    return this.#core.on(name, listener);
  }

  off<Name extends EventName>(name: Name, listener: Listener<Name>): void {
    this.#core.off(name, listener);
  }

  /**
   * Joins a room, and joins it again after each reconnect. Resolves when the client is in the room. Rejects when the server
   * refuses, or after `joinTimeoutMs`. `since` is the last message that the application has, 0 for all; without it new
   * messages only.
   */
  join(room: string, options: { readonly since?: number | Position } = {}): Promise<JoinedRoom> {
    return promised((done) => this.#core.join(room, options, done));
  }

  /** Resolves when the client has left the room, at once without a connection. Code: `not_joined`. */
  leave(room: string): Promise<void> {
    return promised((done) => this.#core.leave(room, done));
  }

  /** Resolves when the message is stored. Retries until then, or until its time is over. */
  send(room: string, content: string, options: SendOptions = {}): Promise<SentMessage> {
    return promised((done) => this.#core.send(room, content, options, done));
  }

  /** Closes the client for good. Open promises reject: `closed`, or `outcome_unknown` if the message may be stored. */
  close(): void {
    this.#core.close();
  }
}
