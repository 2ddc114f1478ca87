import { validateRequest } from './wire/validate-request.ts';
import { failed, failure, type ClientError, type Done } from './errors.ts';
import { Emitter, type EventName, type Listener } from './events.ts';
import type { HistoryPage, JoinedRoom, PresencePage, RoomsPage, SentMessage } from './wire/frames.ts';
import { FrameRouter } from './wire/frame-router.ts';
import { Connection } from './connection/connection.ts';
import type { ClientState } from './connection/lifecycle-table.ts';
import { MemberLists } from './rooms/member-lists.ts';
import type { Members } from './rooms/members.ts';
import type { SendOptions } from './sending/message.ts';
import { unknownOption } from './options.ts';
import { SendQueue } from './sending/send-queue.ts';
import { GapReader } from './rooms/gap-reader.ts';
import type { Ports } from './ports.ts';
import { toPosition, type Position } from './rooms/position.ts';
import type { HistoryQuery, NewRoom, RoomsOptions } from './wire/queries.ts';
import { Requests, type Question } from './connection/requests.ts';
import { isObject, isText, pick, PRESENCE, readHistory, ROOMS, type Fields } from './wire/frame-schemas.ts';
import { Subscriptions } from './rooms/subscriptions.ts';
import { TokenRenewal } from './connection/token-renewal.ts';
import { ServerClock } from './connection/server-clock.ts';
import { epochMs } from './wire/time.ts';
import { Tokens, type TokenSource } from './connection/tokens.ts';

export type { ClientError, Done, Result } from './errors.ts';
export type { ClientEvents, EventName, Listener } from './events.ts';
export type * from './wire/frames.ts';
export type { ClientState } from './connection/lifecycle-table.ts';
export type { Members } from './rooms/members.ts';
export type { SendOptions } from './sending/message.ts';
export type * from './ports.ts';
export type { Position } from './rooms/position.ts';
export type * from './wire/queries.ts';
export type { TokenSource } from './connection/tokens.ts';

export interface CoreOptions {
  /** `ws://…/ws` or `wss://…/ws`. */
  readonly url: string;
  /** A JWT, or what gives one: asked at first, before a token is over, and when it was refused. */
  readonly token: string | TokenSource;
  /** Messages that wait to be sent, 1,000 unless told; more are refused with `queue_full`. */
  readonly queueMax?: number;
  /** Milliseconds that a message is tried, 60,000 unless told; 0: for ever. */
  readonly sendTimeoutMs?: number;
  /** Milliseconds that a `join` waits to be let in, 60,000 unless told; 0: for ever. */
  readonly joinTimeoutMs?: number;
}

/**
 * A client, without a platform: sockets, clock and chance are handed in, and everything is told by callbacks. With the
 * same ports that say the same, it does the same.
 *
 * - Each message of a channel is delivered once and in order, over all connections; what cannot be had is named.
 * - Each request, and each message that is sent, is answered exactly once.
 * - Nothing that a server sends, and nothing that a listener throws, makes it throw.
 */
export class ClientCore {
  readonly #emitter = new Emitter();
  readonly #connection: Connection;
  readonly #requests: Requests;
  readonly #sending: SendQueue;
  readonly #subscriptions: Subscriptions;
  readonly #lists: MemberLists;
  readonly #tokens: Tokens;
  readonly #renewal: TokenRenewal;

  constructor(options: CoreOptions, ports: Ports) {
    const emitter = this.#emitter;
    const clock = new ServerClock(ports);
    const tokens = new Tokens(options.token, ports, clock);
    const { queueMax = 1_000, sendTimeoutMs = 60_000, joinTimeoutMs = 60_000 } = options;
    const trouble = (): ClientError | undefined => this.#connection.trouble;
    const requests = new Requests(ports, trouble);
    const gaps = new GapReader(ports, requests);
    const lists = new MemberLists({
      ports,
      requests,
      emitter,
      subscription: (room) => subscriptions.subscription(room),
      trouble,
    });
    const subscriptions = new Subscriptions({
      ports,
      requests,
      gaps,
      emitter,
      joinTimeoutMs,
      trouble,
      entered: (room) => lists.entered(room),
      dropped: (room) => lists.dropped(room),
    });
    const queued = { queueMax, sendTimeoutMs };
    const sending = (this.#sending = new SendQueue({ ports, tokens, emitter, trouble, ...queued }));
    const renewal = (this.#renewal = new TokenRenewal(ports, clock, () => this.#renew()));
    this.#tokens = tokens;
    this.#requests = requests;
    this.#subscriptions = subscriptions;
    this.#lists = lists;
    const router = new FrameRouter({ requests, sending, subscriptions, lists, emitter });
    this.#connection = new Connection({
      url: options.url,
      ports,
      tokens,
      emitter,
      router,
      up: (welcome, send) => {
        clock.heard(epochMs(welcome.time));
        // Listeners hear of what happens here, and may close the client.
        const isClosed = (): boolean => this.#connection.why !== undefined;
        // 0 is none.
        const limits = { ...welcome.limits, frameBytes: welcome.limits.frameBytes || Infinity };
        requests.connected(send, limits.frameBytes);
        lists.connected(welcome.user);
        // The first request decides where the two channels of everyone start (HS5).
        subscriptions.connected(welcome, limits.frameBytes);
        if (isClosed()) return;
        requests.flush();
        sending.connected(send, limits);
        if (isClosed()) return;
        if (tokens.isRenewable) renewal.expires(welcome.expiresAt);
      },
      down: () => {
        renewal.stop();
        for (const part of [sending, gaps, lists, subscriptions, requests]) part.lost();
      },
      unreachable: () => sending.useRest(),
      ended: (why) => {
        for (const part of [tokens, lists, subscriptions, requests, sending]) part.end(why);
      },
    });
  }

  get state(): ClientState {
    return this.#connection.state;
  }

  /** Behind which message one is in each channel, to be kept and given to `join` by another run. */
  get positions(): Readonly<Record<string, Position>> {
    return this.#subscriptions.positions();
  }

  on<Name extends EventName>(name: Name, listener: Listener<Name>): () => void {
    return this.#emitter.on(name, listener);
  }

  off<Name extends EventName>(name: Name, listener: Listener<Name>): void {
    this.#emitter.off(name, listener);
  }

  /** Connects, and from then on stays connected. */
  start(): void {
    this.#connection.start();
  }

  /** For good. What is not answered by now never will be. */
  close(): void {
    this.#connection.stop();
  }

  /**
   * Wants to be in a room, now and after each reconnect, until it leaves or is refused. Answered when it is in, or its
   * time is over; then it is not wanted any more, unless it was joined before. `since`: the last message one has;
   * without it, what comes from now on. Errors: `forbidden`, `not_found`, `gone`, `limit_reached`, `bad_frame`; what it
   * was delayed by, or `unavailable`, when the time is over.
   */
  join(room: string, options: { readonly since?: number | Position }, done: Done<JoinedRoom>): void {
    const { since } = fieldsOf(options);
    const safe = this.#ready(done, { type: 'join', room, since }, unknownOption(options, ['since']));
    if (safe) this.#subscriptions.join(room, toPosition(since), safe);
  }

  /** Answered when one is off the room, at once without a connection. Error: `not_joined`. */
  leave(room: string, done: Done<void>): void {
    const safe = this.#ready(done, { type: 'leave', room });
    if (safe) this.#subscriptions.leave(room, safe);
  }

  /**
   * Sends a message, and tries until it is stored, refused, or its time is over. Answered once. Errors: those of the
   * server; `too_large`; `queue_full`; `outcome_unknown` when it may be stored all the same.
   */
  send(room: string, content: string, options: SendOptions, done: Done<SentMessage>): void {
    const safe = this.#ready(done, undefined, unknownOption(options, ['id', 'data', 'timestamp']));
    if (safe) this.#sending.send(room, content, fieldsOf(options), safe);
  }

  /**
   * A page of a log. This and the other requests: 10 s at most, 1,000 at once. Errors: those of the server; `queue_full`;
   * `unavailable` at once when the connection it was sent on is lost, and when no answer comes in time.
   */
  history(query: HistoryQuery, done: Done<HistoryPage>): void {
    const wrong = unknownOption(query, ['room', 'channel', 'after', 'before', 'limit']);
    this.#ask({ frame: { ...fieldsOf(query), type: 'history' }, read: readHistory }, done, wrong);
  }

  /** Who is in a room, by user, 200 at most; `after`: a user. */
  presence(room: string, options: { readonly after?: string }, done: Done<PresencePage>): void {
    const frame = { ...fieldsOf(options), type: 'presence', room };
    this.#ask({ frame, read: (fields) => pick(fields, PRESENCE) }, done, unknownOption(options, ['after']));
  }

  /**
   * Who is in a room that one has joined, or is about to, as a list that is kept as it is: read now, kept by what is told,
   * and read again after each reconnect. Asking again gives the same list. Errors: `not_joined`, those of {@link presence}.
   */
  members(room: string, done: Done<Members>): void {
    const safe = this.#ready(done, { type: 'presence', room });
    if (safe) this.#lists.ask(room, safe);
  }

  /** Rooms one may see, by id; `after`: a room. */
  rooms(options: RoomsOptions, done: Done<RoomsPage>): void {
    const frame = { ...fieldsOf(options), type: 'rooms' };
    const wrong = unknownOption(options, ['after', 'limit', 'invited']);
    this.#ask({ frame, read: (fields) => pick(fields, ROOMS) }, done, wrong);
  }

  /** Best effort, and not tried again: answered as soon as it is handed over. `data`: 4 KiB of JSON at most. */
  signal(room: string, data: unknown, done: Done<void>): void {
    const safe = this.#ready(done);
    if (!safe) return;
    const frame = validateRequest({ type: 'signal', room, data });
    if (!frame.ok) return safe(frame);
    if (!this.#subscriptions.subscription(room)?.isOn)
      return safe(failed(failure('not_joined', `the room ${room} is not joined on a connection`)));
    this.#connection.write(frame.value);
    safe({ ok: true, value: undefined });
  }

  /** Errors: those of {@link history}; `already_exists`. */
  create(room: NewRoom, done: Done<{ readonly room: string }>): void {
    const frame = { ...fieldsOf(room), type: 'create' };
    const wrong = unknownOption(room, ['room', 'access', 'members', 'metadata']);
    this.#ask({ frame, read: (fields) => pick<{ room: string }>(fields, { room: isText }) }, done, wrong);
  }

  /** Takes a new token for the connection there is, and for those to come. Without one its source is asked. */
  refresh(token: string | undefined, done: Done<{ readonly expiresAt: string }>): void {
    const safe = this.#ready(done);
    if (!safe) return;
    const refresh: Done<string> = (from) => {
      if (!from.ok) return safe(from);
      const given = from.value;
      const read = (fields: Fields): { expiresAt: string } | undefined =>
        pick<{ expiresAt: string }>(fields, { expiresAt: isText });
      this.#requests.ask({ frame: { type: 'refresh', token: given }, read }, (result) => {
        if (result.ok) {
          this.#tokens.set(given);
          if (this.#tokens.isRenewable) this.#renewal.expires(result.value.expiresAt);
        }
        safe(result);
      });
    };
    if (token === undefined) return this.#tokens.ask(refresh);
    const error = this.#tokens.wrong(token);
    refresh(error ? failed(error) : { ok: true, value: token });
  }

  /** Before the token is over. When it fails until then, the server closes with 4005, and the next connection asks for one. */
  #renew(): void {
    this.refresh(undefined, (result) => {
      if (!result.ok) this.#renewal.failed();
    });
  }

  #ask<Value>(question: Question<Value>, done: Done<Value>, wrong: ClientError | undefined): void {
    const safe = this.#ready(done, undefined, wrong);
    if (safe) this.#requests.ask(question, safe);
  }

  /** A callback that cannot hurt; undefined, and answered, when nothing can be done for it. */
  #ready<Value>(done: Done<Value>, frame?: Fields, wrong?: ClientError): Done<Value> | undefined {
    const safe: Done<Value> = (result) => this.#emitter.guard(() => done(result));
    const checked = frame && validateRequest(frame);
    const error = this.#connection.why ?? wrong ?? (checked?.ok === false ? checked.error : undefined);
    if (!error) return safe;
    safe(failed(error));
    return undefined;
  }
}

/** Whoever writes JavaScript may give anything: what is no object has no fields. */
function fieldsOf(given: unknown): Fields {
  return isObject(given) ? given : {};
}
