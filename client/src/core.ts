import { BaseCore, type CoreOptions } from './base-core.ts';
import { KeptTokens, TokenRenewal } from './connection/token-clock.ts';
import { failed, failure, type ClientError, type Done } from './errors.ts';
import type { EventName, Listener } from './events.ts';
import { checkListener, unknownOption } from './options.ts';
import type { Ports } from './ports.ts';
import { MemberLists } from './rooms/member-lists.ts';
import { PRESENCE, type Members } from './rooms/members.ts';
import type { Position } from './rooms/positions.ts';
import { overHttp } from './sending/rest-queue.ts';
import type { SendOptions } from './sending/send-queue.ts';
import type {
  HistoryPage,
  HistoryQuery,
  JoinedRoom,
  ListedRoom,
  NewRoom,
  PresencePage,
  RoomsOptions,
  RoomsPage,
  SentMessage,
} from './wire/frames.ts';
import {
  ACCESS,
  fitting,
  isBoolean,
  isCount,
  isObject,
  isText,
  listOf,
  maybe,
  pick,
  readHistory,
  type Fields,
  type Schema,
} from './wire/frame-schemas.ts';
import { validateRequest } from './wire/validate-request.ts';

export type { CoreOptions } from './base-core.ts';
export type { ClientState } from './connection/lifecycle-table.ts';
export type { TokenSource } from './connection/tokens.ts';
export type { ClientError, Done, Result } from './errors.ts';
export type { ClientEvents, EventName, Listener } from './events.ts';
export type * from './ports.ts';
export type { Members } from './rooms/members.ts';
export type { Position } from './rooms/positions.ts';
export type { SendOptions } from './sending/send-queue.ts';
export type * from './wire/frames.ts';

const LISTED: Schema<ListedRoom> = {
  room: isText,
  access: ACCESS,
  metadata: isObject,
  present: isCount,
  invited: maybe(isBoolean),
};

const ROOMS: Schema<RoomsPage> = { rooms: listOf(fitting(LISTED)), more: isBoolean };

/**
 * The whole client: the base with local validation, sending over REST, renewal of tokens, lists of members, and requests.
 */
export class ClientCore extends BaseCore {
  readonly #ports: Ports;
  readonly #tokens: KeptTokens;
  readonly #lists: MemberLists;
  readonly #renewal: TokenRenewal;
  #forgetPage: (() => void) | undefined;

  constructor(options: CoreOptions, ports: Ports) {
    const tokens = new KeptTokens(options.token, ports);
    super(options, ports, { encode: validateRequest, http: overHttp(ports), tokens });
    this.#ports = ports;
    this.#tokens = tokens;
    this.#lists = new MemberLists(this.client, this.requests, this.subscriptions);
    this.#renewal = new TokenRenewal(tokens, () => this.#renew());
    const page = { connected() {}, lost() {}, end: () => this.#forgetPage?.() };
    this.parts.push(this.#renewal, this.#lists, page);
  }

  override start(): void {
    this.#forgetPage ??= this.#ports.page(
      () => this.hide(),
      () => super.start(),
    );
    super.start();
  }

  override on<Name extends EventName>(name: Name, listener: Listener<Name>): () => void {
    checkListener(name, listener);
    return super.on(name, listener);
  }

  override join(room: string, options: { readonly since?: number | Position }, done: Done<JoinedRoom>): void {
    const { since } = fieldsOf(options);
    const frame = { type: 'join', room, since };
    const safe = this.ready(done, unknownOption(options, ['since']) ?? wrongFrame(frame));
    // A copy, because the application may change its own object.
    const at = isObject(since) ? { ...since } : since;
    if (safe) super.join(room, { since: at as number | Position }, safe);
  }

  override leave(room: string, done: Done<void>): void {
    const safe = this.ready(done, wrongFrame({ type: 'leave', room }));
    if (safe) super.leave(room, safe);
  }

  override send(room: string, content: string, options: SendOptions, done: Done<SentMessage>): void {
    const safe = this.ready(done, unknownOption(options, ['id', 'data', 'timestamp']));
    if (safe) super.send(room, content, fieldsOf(options), safe);
  }

  /**
   * A page of a log. Like the other requests it takes 10 s at most, and 1,000 may be open. Errors: those of the server;
   * `queue_full`; `unavailable` at once when its connection is lost, and when no answer comes in time.
   */
  history(query: HistoryQuery, done: Done<HistoryPage>): void {
    const wrong = unknownOption(query, ['room', 'channel', 'after', 'before', 'limit']);
    this.#ask({ ...fieldsOf(query), type: 'history' }, readHistory, done, wrong);
  }

  /** The users in a room, in order, 200 at most. `after` is a user. */
  presence(room: string, options: { readonly after?: string }, done: Done<PresencePage>): void {
    const frame = { ...fieldsOf(options), type: 'presence', room };
    this.#ask(frame, (fields) => pick(fields, PRESENCE), done, unknownOption(options, ['after']));
  }

  /**
   * The users in a joined room, or in one that the client is joining, as a live list. The client reads it now and after
   * each reconnect, and updates it from notifications. A second call returns the same list. Errors: `not_joined`, those of
   * {@link presence}.
   */
  members(room: string, done: Done<Members>): void {
    const safe = this.ready(done, wrongFrame({ type: 'presence', room }));
    if (safe) this.#lists.ask(room, safe);
  }

  /** The rooms that the user may see, by id. `after` is a room. */
  rooms(options: RoomsOptions, done: Done<RoomsPage>): void {
    const frame = { ...fieldsOf(options), type: 'rooms' };
    const wrong = unknownOption(options, ['after', 'limit', 'invited']);
    this.#ask(frame, (fields) => pick(fields, ROOMS), done, wrong);
  }

  /**
   * Best effort without retry. The callback runs once the signal is passed to the socket. `data`: 4 KiB of JSON at most.
   */
  signal(room: string, data: unknown, done: Done<void>): void {
    const safe = this.ready(done);
    if (!safe) return;
    const frame = validateRequest({ type: 'signal', room, data });
    if (!frame.ok) return safe(frame);
    if (!this.subscriptions.room(room)?.isOn)
      return safe(failed(failure('not_joined', `the room ${room} is not joined on a connection`)));
    this.connection?.send(frame.value);
    safe({ ok: true, value: undefined });
  }

  /** Errors: those of {@link history}; `already_exists`. */
  create(room: NewRoom, done: Done<{ readonly room: string }>): void {
    const frame = { ...fieldsOf(room), type: 'create' };
    const wrong = unknownOption(room, ['room', 'access', 'members', 'metadata']);
    this.#ask(frame, (fields) => pick<{ room: string }>(fields, { room: isText }), done, wrong);
  }

  /** Replaces the token of this connection and of later ones. Without a token it asks the source. */
  refresh(token: string | undefined, done: Done<{ readonly expiresAt: string }>): void {
    const safe = this.ready(done);
    if (!safe) return;
    const tokens = this.#tokens;
    const refresh: Done<string> = (from) => {
      if (!from.ok) return safe(from);
      const given = from.value;
      const read = (fields: Fields): { expiresAt: string } | undefined =>
        pick<{ expiresAt: string }>(fields, { expiresAt: isText });
      this.requests.ask({ frame: { type: 'refresh', token: given }, read }, (result) => {
        if (result.ok) {
          tokens.set(given);
          this.#renewal.expires(result.value.expiresAt);
        }
        safe(result);
      });
    };
    if (token === undefined) return tokens.ask(refresh);
    const error = tokens.wrong(token);
    refresh(error ? failed(error) : { ok: true, value: token });
  }

  /** Before the token expires. If that fails, the server closes with 4005, and the next connection asks for one. */
  #renew(): void {
    this.refresh(undefined, (result) => {
      if (!result.ok) this.#renewal.failed();
    });
  }

  #ask<Value>(
    frame: Fields,
    read: (fields: Fields) => Value | undefined,
    done: Done<Value>,
    wrong: ClientError | undefined,
  ): void {
    const safe = this.ready(done, wrong);
    if (safe) this.requests.ask({ frame, read }, safe);
  }
}

/** JavaScript callers may pass anything. A value that is no object has no fields. */
function fieldsOf(given: unknown): Fields {
  return isObject(given) ? given : {};
}

/** Why a server would refuse a frame. */
function wrongFrame(frame: Fields): ClientError | undefined {
  const checked = validateRequest(frame);
  return checked.ok ? undefined : checked.error;
}
