import { Connection } from './connection/connection.ts';
import type { JudgeHandshake } from './connection/handshake-refusal.ts';
import type { ClientState } from './connection/lifecycle-table.ts';
import { Requests } from './connection/requests.ts';
import type { ClientPart, ClientScope, ConnectionScope, Encode } from './connection/scopes.ts';
import { Tokens, type TokenSource } from './connection/tokens.ts';
import { failed, type ClientError, type Done } from './errors.ts';
import { Emitter, type EventName, type Listener } from './events.ts';
import type { BasePorts } from './ports.ts';
import { toPosition, type Position } from './rooms/positions.ts';
import { Subscriptions } from './rooms/subscriptions.ts';
import { SendQueue, type SendLimits, type SendOptions } from './sending/send-queue.ts';
import type { ServerFrame } from './wire/decode-frame.ts';
import { encodeRequest } from './wire/text.ts';
import type { JoinedRoom, SentMessage } from './wire/frames.ts';

export interface CoreOptions {
  /** `ws://…/ws` or `wss://…/ws`. */
  readonly url: string;
  /** A JWT, or a function that supplies one. The client calls it at first, before a token expires, and after a refusal. */
  readonly token: string | TokenSource;
  /** Messages that may wait to be sent, by default 1,000. The client refuses more with `queue_full`. */
  readonly queueMax?: number;
  /** How long the client tries to send a message, milliseconds, by default 60,000; 0: for ever. */
  readonly sendTimeoutMs?: number;
  /** How long a `join` waits for entry, milliseconds, by default 60,000; 0: for ever. */
  readonly joinTimeoutMs?: number;
}

/** What a client does over HTTP. */
export interface HttpAddition {
  /** Messages on their way, with or without a connection. */
  readonly queue: (client: ClientScope, limits: SendLimits) => SendQueue;
  readonly judge: JudgeHandshake;
  /** Ends all requests. */
  end(): void;
}

/** The optional parts of a base. */
export interface BaseAdditions {
  /** Validates requests before they are sent. Without it only the server does. */
  readonly encode?: Encode;
  /** Uses HTTP. Without it messages wait for a connection, and the client retries a failed handshake. */
  readonly http?: HttpAddition;
}

/** The parts that only the whole client has. */
interface Additions extends BaseAdditions {
  /** Keeps tokens. Without it the client asks for one each time. */
  readonly tokens?: Tokens;
}

/**
 * A client that connects, joins rooms, resumes and sends, without a platform. Sockets, clock and randomness are ports, and
 * callbacks report every result. With ports that behave the same, it behaves the same.
 *
 * - It delivers each message of a channel once and in order, over all connections. It names messages that are lost.
 * - It answers each request, and each message to send, exactly once.
 * - No frame of a server and no exception of a listener makes it throw.
 */
export class BaseCore {
  protected readonly client: ClientScope;
  protected readonly requests: Requests;
  protected readonly subscriptions: Subscriptions;
  /** What extensions do with the connections. */
  protected readonly parts: ClientPart[] = [];
  protected connection: ConnectionScope | undefined;
  readonly #emitter = new Emitter();
  readonly #connections: Connection;
  readonly #sending: SendQueue;

  constructor(options: CoreOptions, ports: BasePorts, { encode = encodeRequest, http, tokens }: Additions) {
    const { queueMax = 1_000, sendTimeoutMs = 60_000, joinTimeoutMs = 60_000 } = options;
    const trouble = (): ClientError | undefined => this.#connections.trouble;
    this.client = {
      ports,
      emitter: this.#emitter,
      tokens: tokens ?? new Tokens(options.token, ports),
      encode,
      parts: this.parts,
      get trouble() {
        return trouble();
      },
    };
    this.requests = new Requests(this.client);
    this.subscriptions = new Subscriptions(this.client, this.requests, joinTimeoutMs);
    const limits = { queueMax, sendTimeoutMs };
    this.#sending = http?.queue(this.client, limits) ?? new SendQueue(this.client, limits);
    const owner = {
      connected: (connection: ConnectionScope) => this.#connected(connection),
      received: (frame: ServerFrame, connection: ConnectionScope) => this.#received(frame, connection),
      lost: () => {
        this.connection = undefined;
        for (const part of [this.#sending, ...this.parts, this.subscriptions, this.requests]) part.lost();
      },
      unreachable: () => this.#sending.unreachable(),
      ended: (why: ClientError) => {
        http?.end();
        const last = [this.subscriptions, this.requests, this.#sending];
        for (const part of [this.client.tokens, ...this.parts, ...last]) part.end(why);
      },
    };
    this.#connections = new Connection(options.url, this.client, owner, http?.judge);
  }

  get state(): ClientState {
    return this.#connections.state;
  }

  /** The client's position in each channel, to store and to pass to `join` in another run. */
  get positions(): Readonly<Record<string, Position>> {
    return this.subscriptions.positions();
  }

  on<Name extends EventName>(name: Name, listener: Listener<Name>): () => void {
    return this.#emitter.on(name, listener);
  }

  off<Name extends EventName>(name: Name, listener: Listener<Name>): void {
    this.#emitter.off(name, listener);
  }

  /** Connects, and stays connected from then on. */
  start(): void {
    this.#connections.start();
  }

  /** The browser freezes the page as a whole. `start` resumes it. */
  protected hide(): void {
    this.#connections.hide();
  }

  /** Closes the client for good. Open requests and messages end with an error. */
  close(): void {
    this.#connections.stop();
  }

  /**
   * Joins a room, and joins it again after each reconnect, until the application leaves or the server refuses. The callback
   * runs when the client is in the room, or the time is over. After a timeout the client drops the room, unless it was in
   * it before. `since` is the last message that the application has; without it new messages only. Errors: `forbidden`,
   * `not_found`, `gone`, `limit_reached`, `bad_frame`; after a timeout the reason of the delay, or `unavailable`.
   */
  join(room: string, options: { readonly since?: number | Position }, done: Done<JoinedRoom>): void {
    const safe = this.ready(done);
    if (safe) this.subscriptions.join(room, toPosition(options.since), safe);
  }

  /** Leaves a room. The callback runs when the client has left, at once without a connection. Error: `not_joined`. */
  leave(room: string, done: Done<void>): void {
    const safe = this.ready(done);
    if (safe) this.subscriptions.leave(room, safe);
  }

  /**
   * Sends a message, and retries until it is stored or refused, or its time is over. The callback runs once. Errors: those
   * of the server; `too_large`; `queue_full`; `outcome_unknown` when the message may be stored all the same.
   */
  send(room: string, content: string, options: SendOptions, done: Done<SentMessage>): void {
    const safe = this.ready(done);
    if (safe) this.#sending.send(room, content, options, safe);
  }

  /** A callback that never throws. Undefined, after answering with an error, when the request is impossible. */
  protected ready<Value>(done: Done<Value>, wrong?: ClientError): Done<Value> | undefined {
    const safe: Done<Value> = (result) => this.#emitter.guard(() => done(result));
    const error = this.#connections.why ?? wrong;
    if (!error) return safe;
    safe(failed(error));
    return undefined;
  }

  // --- connections: the order in which the parts run

  /** Listeners run during this, and may close the client. */
  #connected(connection: ConnectionScope): void {
    this.connection = connection;
    this.requests.connected(connection);
    for (const part of this.parts) part.connected(connection);
    // The first request decides where the channels `broadcast` and `user` start (HS5).
    this.subscriptions.connected(connection);
    if (connection.isOver) return;
    this.requests.flush();
    this.#sending.connected(connection);
  }

  /** Passes a frame to the part that waits for it. False when the frame breaks the protocol after all. */
  #received(frame: ServerFrame, connection: ConnectionScope): boolean {
    switch (frame.type) {
      case 'entry':
        this.subscriptions.take(frame.channel, frame.entry);
        return true;
      case 'reply': {
        const { id, fields } = frame;
        return (this.requests.replied(id, fields) ?? this.#sending.replied(id, fields)) !== false;
      }
      case 'error': {
        const { id, error } = frame;
        if (id === undefined) this.#emitter.emit('error', error);
        // An answer to a request that no longer waits means nothing.
        else if (!this.requests.refused(id, error)) this.#sending.refused(id, error);
        return true;
      }
      case 'told':
        this.#notified(frame, connection.welcome.user);
        return true;
      case 'ping':
      case 'unknown':
        return true;
      default:
        return frame satisfies never;
    }
  }

  /** `self`: the server reports everyone who left, also this user. */
  #notified(frame: Extract<ServerFrame, { type: 'told' }>, self: string): void {
    const emitter = this.#emitter;
    switch (frame.name) {
      case 'welcome':
        return;
      case 'skipped':
        return this.subscriptions.skipped(frame.event.channel, frame.event.to);
      case 'reset':
        return this.subscriptions.rewound(frame.event.channel, frame.event.seq);
      case 'room_closed':
        this.subscriptions.putOff(frame.event.room, 'gone');
        break;
      case 'left': {
        const { room, users, reason } = frame.event;
        if (reason !== 'removed' || !users.includes(self)) break;
        this.subscriptions.putOff(room, 'forbidden');
        const others = users.filter((user) => user !== self);
        if (others.length > 0) emitter.emit('left', { ...frame.event, users: others });
        return;
      }
      default:
    }
    if (!this.parts.some((part) => part.take?.(frame))) emitter.emit(frame.name, frame.event);
  }
}
