import {
  ClientCore,
  type ClientState,
  type HistoryQuery,
  type Members,
  type NewRoom,
  type RoomsOptions,
} from './core.ts';
import type { EventName, Listener } from './events.ts';
import type { HistoryPage, JoinedRoom, PresencePage, RoomsPage, SentMessage } from './wire/frames.ts';
import type { SendOptions } from './sending/message.ts';
import { checkOptions } from './options.ts';
import { platformPorts, type Fetch, type WebSocketClass } from './platform.ts';
import type { Position } from './rooms/position.ts';
import { promised } from './promised.ts';
import type { TokenSource } from './connection/tokens.ts';

export { VagusError } from './errors.ts';
export type { ClientEvents, EventName, Listener } from './events.ts';
export type * from './wire/frames.ts';
export type { ClientState, HistoryQuery, Members, NewRoom, Position, SendOptions };
export type { Fetch, WebSocketClass, WebSocketLike } from './platform.ts';

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

/**
 * Connects to `ws://…/ws` or `wss://…/ws`, and stays connected until it is closed or refused for good (state `dead`).
 * Returns at once: what is asked waits for the connection. Throws a VagusError: `bad_url`, `no_token`, `no_websocket`,
 * `bad_option`.
 */
export function connect(url: string, options: ConnectOptions): Client {
  checkOptions(options);
  const { token, WebSocket, fetch, ...rest } = options;
  const ports = platformPorts(url, { ...(WebSocket ? { WebSocket } : {}), ...(fetch ? { fetch } : {}) });
  const core = new ClientCore(
    { ...rest, url, token: typeof token === 'string' ? token : sourceOf(token) },
    ports,
  );
  core.start();
  return new Client(core);
}

/**
 * A client. Its promises are rejected with a {@link VagusError}; one that nobody awaits hurts nobody, and is no
 * unhandled rejection.
 */
export class Client {
  readonly #core: ClientCore;

  constructor(core: ClientCore) {
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

  /** This and the requests below: 10 s at most, 1,000 at once; `unavailable` at once when the connection is lost. */
  history(query: HistoryQuery): Promise<HistoryPage> {
    return promised((done) => this.#core.history(query, done));
  }

  presence(room: string, options: { readonly after?: string } = {}): Promise<PresencePage> {
    return promised((done) => this.#core.presence(room, options, done));
  }

  /** Who is in a joined room, kept as it is until one leaves, or `close()` of it. Codes: `not_joined`; of `presence`. */
  members(room: string): Promise<Members> {
    return promised((done) => this.#core.members(room, done));
  }

  rooms(options: RoomsOptions = {}): Promise<RoomsPage> {
    return promised((done) => this.#core.rooms(options, done));
  }

  /** Best effort: resolves when it is handed over. `data`: 4 KiB of JSON at most. Codes: `not_joined`, `bad_frame`. */
  signal(room: string, data: unknown): Promise<void> {
    return promised((done) => this.#core.signal(room, data, done));
  }

  create(room: NewRoom): Promise<{ readonly room: string }> {
    return promised((done) => this.#core.create(room, done));
  }

  /** Takes a new token for this connection and those to come; without one, what gives tokens is asked. */
  refresh(token?: string): Promise<{ readonly expiresAt: string }> {
    return promised((done) => this.#core.refresh(token, done));
  }

  /** For good. What is not answered by now is rejected: `closed`, or `outcome_unknown` if it may be stored. */
  close(): void {
    this.#core.close();
  }
}

function sourceOf(token: () => string | Promise<string>): TokenSource {
  const ask = async (): Promise<string> => token();
  return (done) => void ask().then(done, (cause: unknown) => done(undefined, cause));
}
