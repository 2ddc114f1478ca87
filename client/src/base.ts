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
  /** A JWT, or what gives one: asked at first, before a token is over, and when it was refused. */
  readonly token: string | (() => string | Promise<string>);
  /** Where there is no global one: Node.js before 22, with that of `ws`. */
  readonly WebSocket?: WebSocketClass;
  /** For what goes by HTTP: the global one unless told. */
  readonly fetch?: Fetch;
  /** Messages that wait to be sent, 1 to 1,000,000, 1,000 unless told; more are refused with `queue_full`. */
  readonly queueMax?: number;
  /** Milliseconds that a message is tried, up to a day, 60,000 unless told; 0: for ever. */
  readonly sendTimeoutMs?: number;
  /** Milliseconds that a `join` waits to be let in, up to a day, 60,000 unless told; 0: for ever. */
  readonly joinTimeoutMs?: number;
}

/** Those of `connect` of `vagus-client`, but for `fetch`. */
export type BaseOptions = Omit<ConnectOptions, 'fetch'>;

/**
 * Connects to `ws://…/ws` or `wss://…/ws`, and stays connected until it is closed or refused for good (state `dead`).
 * Returns at once: what is asked waits for the connection. `additions`: `{ http: rest(url), encode: validateRequest }`, of
 * `vagus-client/rest` and `vagus-client/validation`, or one of them. Throws a VagusError: `no_token`, `no_websocket`.
 */
export function connect(url: string, options: BaseOptions, additions: BaseAdditions = {}): Client {
  const token = sourceOf(options.token);
  const core = new BaseCore({ ...options, url, token }, platformPorts(options), additions);
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
