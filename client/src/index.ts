import { Client as BaseClient, type ConnectOptions } from './base.ts';
import { ClientCore } from './core.ts';
import { checkOptions } from './options.ts';
import { platformPorts, promised, sourceOf, watchPage } from './platform.ts';
import { httpPorts } from './rest.ts';
import type { Members } from './rooms/members.ts';
import type {
  HistoryPage,
  HistoryQuery,
  NewRoom,
  PresencePage,
  RoomsOptions,
  RoomsPage,
} from './wire/frames.ts';

export type { ClientState } from './connection/lifecycle-table.ts';
export { VagusError } from './errors.ts';
export type { ClientEvents, EventName, Listener } from './events.ts';
export type { ConnectOptions } from './base.ts';
export type { Fetch, WebSocketClass, WebSocketLike } from './platform.ts';
export type { Members } from './rooms/members.ts';
export type { Position } from './rooms/positions.ts';
export type { SendOptions } from './sending/send-queue.ts';
export type * from './wire/frames.ts';

/**
 * Connects to `ws://…/ws` or `wss://…/ws`, and stays connected until it is closed or refused for good (state `dead`).
 * Returns at once; requests wait for the connection. Throws a VagusError: `bad_url`, `no_token`, `no_websocket`,
 * `bad_option`.
 */
export function connect(url: string, options: ConnectOptions): Client {
  checkOptions(options);
  const { token, fetch, ...rest } = options;
  const ports = { ...httpPorts(url, fetch), ...platformPorts(options), page: watchPage };
  const core = new ClientCore({ ...rest, url, token: sourceOf(token) }, ports);
  core.start();
  return new Client(core);
}

/** The client of the base with all requests. */
export class Client extends BaseClient {
  readonly #core: ClientCore;

  constructor(core: ClientCore) {
    super(core);
    this.#core = core;
  }

  /** This and the requests below: 10 s at most, 1,000 at once; `unavailable` at once when the connection is lost. */
  history(query: HistoryQuery): Promise<HistoryPage> {
    return promised((done) => this.#core.history(query, done));
  }

  presence(room: string, options: { readonly after?: string } = {}): Promise<PresencePage> {
    return promised((done) => this.#core.presence(room, options, done));
  }

  /**
   * The users of a joined room as a live list, until the client leaves or the list is closed. Codes: `not_joined`; of
   * `presence`.
   */
  members(room: string): Promise<Members> {
    return promised((done) => this.#core.members(room, done));
  }

  rooms(options: RoomsOptions = {}): Promise<RoomsPage> {
    return promised((done) => this.#core.rooms(options, done));
  }

  /**
   * Best effort: resolves once it is passed to the socket. `data`: 4 KiB of JSON at most. Codes: `not_joined`, `bad_frame`.
   */
  signal(room: string, data: unknown): Promise<void> {
    return promised((done) => this.#core.signal(room, data, done));
  }

  create(room: NewRoom): Promise<{ readonly room: string }> {
    return promised((done) => this.#core.create(room, done));
  }

  /** Replaces the token of this connection and of later ones. Without a token it asks the token source. */
  refresh(token?: string): Promise<{ readonly expiresAt: string }> {
    return promised((done) => this.#core.refresh(token, done));
  }
}
