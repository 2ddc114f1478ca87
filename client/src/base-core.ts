import { Connection } from './connection/connection.ts';
import type { ClientState } from './connection/lifecycle-table.ts';
import { Requests } from './connection/requests.ts';
import type { ClientPart, ClientScope, ConnectionScope, Encode } from './connection/scopes.ts';
import { Tokens, type TokenSource, type TokenTimes } from './connection/tokens.ts';
import { failed, type ClientError, type Done } from './errors.ts';
import { Emitter, type EventName, type Listener } from './events.ts';
import type { Ports } from './ports.ts';
import { toPosition, type Position } from './rooms/positions.ts';
import { Subscriptions } from './rooms/subscriptions.ts';
import { SendQueue, type SecondWayOf, type SendOptions } from './sending/send-queue.ts';
import type { ForwardedFrame, ServerFrame } from './wire/decode-frame.ts';
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

/** What a base is composed with. */
export interface Additions {
  /** Looks at requests before they are sent; without it the server does. */
  readonly encode?: Encode;
  /** How messages go while there is no connection; without it they wait. */
  readonly secondWay?: SecondWayOf;
  /** Tells which tokens are over; without it the server does. */
  readonly clock?: TokenTimes;
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

  constructor(options: CoreOptions, ports: Ports, { encode = encodeRequest, secondWay, clock }: Additions) {
    const { queueMax = 1_000, sendTimeoutMs = 60_000, joinTimeoutMs = 60_000 } = options;
    const trouble = (): ClientError | undefined => this.#connections.trouble;
    this.client = {
      ports,
      emitter: this.#emitter,
      tokens: new Tokens(options.token, ports, clock),
      encode,
      parts: this.parts,
      get trouble() {
        return trouble();
      },
    };
    this.requests = new Requests(this.client);
    this.subscriptions = new Subscriptions(this.client, this.requests, joinTimeoutMs);
    this.#sending = new SendQueue(this.client, { queueMax, sendTimeoutMs }, secondWay);
    this.#connections = new Connection(options.url, this.client, {
      connected: (connection) => this.#connected(connection),
      received: (frame, connection) => this.#received(frame, connection),
      lost: () => this.#lost(),
      unreachable: () => this.#sending.unreachable(),
      ended: (why) => this.#ended(why),
    });
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

  #lost(): void {
    this.connection = undefined;
    for (const part of [this.#sending, ...this.parts, this.subscriptions, this.requests]) part.lost();
  }

  #ended(why: ClientError): void {
    const { tokens } = this.client;
    for (const part of [tokens, ...this.parts, this.subscriptions, this.requests, this.#sending])
      part.end(why);
  }

  /** Brings a frame to what waits for it. False when it breaks the protocol after all. */
  #received(frame: ServerFrame, connection: ConnectionScope): boolean {
    switch (frame.type) {
      case 'entry':
        this.subscriptions.take(frame.channel, frame.entry);
        return true;
      case 'reply': {
        const { id, fields } = frame;
        const asked = this.requests.replied(id, fields);
        return (asked === 'unknown' ? this.#sending.replied(id, fields) : asked) !== 'broken';
      }
      case 'error': {
        const { id, error } = frame;
        if (id === undefined) this.#emitter.emit('error', error);
        // One that answers what nothing waits for any more says nothing.
        else if (!this.requests.refused(id, error)) this.#sending.refused(id, error);
        return true;
      }
      case 'skipped':
        this.subscriptions.skipped(frame.channel, frame.to);
        return true;
      case 'reset':
        this.subscriptions.rewound(frame.channel, frame.seq);
        return true;
      case 'told':
        this.#notified(frame, connection.welcome.user);
        return true;
      case 'ping':
      case 'welcome':
      case 'unknown':
        return true;
      default:
        return frame satisfies never;
    }
  }

  /** `self`: the server says of everyone that they left. */
  #notified(frame: ForwardedFrame, self: string): void {
    const emitter = this.#emitter;
    if (frame.name === 'room_closed') this.subscriptions.putOff(frame.event.room, 'gone');
    if (frame.name === 'left' && frame.event.reason === 'removed' && frame.event.users.includes(self)) {
      this.subscriptions.putOff(frame.event.room, 'removed');
      const users = frame.event.users.filter((user) => user !== self);
      if (users.length > 0) emitter.emit('left', { ...frame.event, users });
      return;
    }
    if (!this.parts.some((part) => part.take?.(frame))) emitter.emit(frame.name, frame.event);
  }
}
