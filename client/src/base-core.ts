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
  /** A JWT, or what gives one: asked at first, before a token is over, and when it was refused. */
  readonly token: string | TokenSource;
  /** Messages that wait to be sent, 1,000 unless told; more are refused with `queue_full`. */
  readonly queueMax?: number;
  /** Milliseconds that a message is tried, 60,000 unless told; 0: for ever. */
  readonly sendTimeoutMs?: number;
  /** Milliseconds that a `join` waits to be let in, 60,000 unless told; 0: for ever. */
  readonly joinTimeoutMs?: number;
}

/** What a client does without a socket. */
export interface HttpAddition {
  /** Messages on their way, also while there is no connection. */
  readonly queue: (client: ClientScope, limits: SendLimits) => SendQueue;
  readonly judge: JudgeHandshake;
  /** Nothing is asked any more. */
  end(): void;
}

/** What a base can be composed with. */
export interface BaseAdditions {
  /** Looks at requests before they are sent; without it the server does. */
  readonly encode?: Encode;
  /** What goes by HTTP; without it messages wait for a connection, and a handshake that failed is tried again. */
  readonly http?: HttpAddition;
}

/** What only the whole client is composed with. */
interface Additions extends BaseAdditions {
  /** Keeps tokens; without it they are asked for each time. */
  readonly tokens?: Tokens;
}

/**
 * A client that connects, is in rooms, resumes and sends, without a platform: sockets, clock and chance are handed in, and
 * everything is told by callbacks. With the same ports that say the same, it does the same.
 *
 * - Each message of a channel is delivered once and in order, over all connections; what cannot be had is named.
 * - Each request, and each message that is sent, is answered exactly once.
 * - Nothing that a server sends, and nothing that a listener throws, makes it throw.
 */
export class BaseCore {
  protected readonly client: ClientScope;
  protected readonly requests: Requests;
  protected readonly subscriptions: Subscriptions;
  /** What an extension does with its connections. */
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

  /** Behind which message one is in each channel, to be kept and given to `join` by another run. */
  get positions(): Readonly<Record<string, Position>> {
    return this.subscriptions.positions();
  }

  on<Name extends EventName>(name: Name, listener: Listener<Name>): () => void {
    return this.#emitter.on(name, listener);
  }

  off<Name extends EventName>(name: Name, listener: Listener<Name>): void {
    this.#emitter.off(name, listener);
  }

  /** Connects, and from then on stays connected. */
  start(): void {
    this.#connections.start();
  }

  /** The page is put away, whole and asleep; `start` is that it is shown again. */
  protected hide(): void {
    this.#connections.hide();
  }

  /** For good. What is not answered by now never will be. */
  close(): void {
    this.#connections.stop();
  }

  /**
   * Wants to be in a room, now and after each reconnect, until it leaves or is refused. Answered when it is in, or its
   * time is over; then it is not wanted any more, unless it was joined before. `since`: the last message one has;
   * without it, what comes from now on. Errors: `forbidden`, `not_found`, `gone`, `limit_reached`, `bad_frame`; what it
   * was delayed by, or `unavailable`, when the time is over.
   */
  join(room: string, options: { readonly since?: number | Position }, done: Done<JoinedRoom>): void {
    const safe = this.ready(done);
    if (safe) this.subscriptions.join(room, toPosition(options.since), safe);
  }

  /** Answered when one is off the room, at once without a connection. Error: `not_joined`. */
  leave(room: string, done: Done<void>): void {
    const safe = this.ready(done);
    if (safe) this.subscriptions.leave(room, safe);
  }

  /**
   * Sends a message, and tries until it is stored, refused, or its time is over. Answered once. Errors: those of the
   * server; `too_large`; `queue_full`; `outcome_unknown` when it may be stored all the same.
   */
  send(room: string, content: string, options: SendOptions, done: Done<SentMessage>): void {
    const safe = this.ready(done);
    if (safe) this.#sending.send(room, content, options, safe);
  }

  /** A callback that cannot hurt; undefined, and answered, when nothing can be done for it. */
  protected ready<Value>(done: Done<Value>, wrong?: ClientError): Done<Value> | undefined {
    const safe: Done<Value> = (result) => this.#emitter.guard(() => done(result));
    const error = this.#connections.why ?? wrong;
    if (!error) return safe;
    safe(failed(error));
    return undefined;
  }

  // --- connections: what is done of each part, in which order

  /** Listeners hear of what happens here, and may close the client. */
  #connected(connection: ConnectionScope): void {
    this.connection = connection;
    this.requests.connected(connection);
    for (const part of this.parts) part.connected(connection);
    // The first request decides where the two channels of everyone start (HS5).
    this.subscriptions.connected(connection);
    if (connection.isOver) return;
    this.requests.flush();
    this.#sending.connected(connection);
  }

  /** Brings a frame to what waits for it. False when it breaks the protocol after all. */
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
        // One that answers what nothing waits for any more says nothing.
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

  /** `self`: the server says of everyone that they left. */
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
