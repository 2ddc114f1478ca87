import { shouldReconnect } from '../../protocol/codes.ts';
import { SentMessages, type Chat } from '../checkers/sent-messages.ts';
import { ClientConnection, type ConnectionOwner } from './client-connection.ts';
import { ABNORMAL, NORMAL, type Link } from '../ports/link.ts';
import type { Random } from '../kit/random.ts';
import { simToken } from '../kit/tokens.ts';
import type { ClientDriver, ClientOptions, ClientWorld } from './client-driver.ts';
import type { Seen } from '../checkers/expectations.ts';
import type { Frame } from '../checkers/wire-owner.ts';

const BACKOFF_MS = [50, 3_000] as const;

/** How long a client waits for the answer to a handshake. */
const CONNECT_TIMEOUT_MS = 3_000;

/** After a final close a person signs in again. */
const SIGN_IN_MS = 3_000;

/**
 * A client that speaks the protocol. It reconnects with backoff, resumes, and resends unanswered messages. The workload
 * decides the rest.
 */
export class SimClient implements ConnectionOwner, ClientDriver {
  readonly name: string;
  readonly user: string;
  readonly messages: SentMessages;
  readonly positions = new Map<string, Seen>();
  readonly #wanted: Set<string>;
  readonly #options: ClientOptions;
  readonly #world: ClientWorld;
  readonly #random: Random;
  #connection: ClientConnection | undefined;
  #connections = 0;
  #requests = 0;
  #failures = 0;
  #isStopped = false;
  #isReading = true;
  /** The connection on which the client waits before it resends what was refused. */
  #resending: ClientConnection | undefined;

  constructor(options: ClientOptions, world: ClientWorld, random: Random) {
    this.#options = options;
    this.#world = world;
    this.#random = random;
    this.name = options.name;
    this.user = options.user;
    this.messages = new SentMessages(options.name, options.user, world.log, world.violate);
    this.#wanted = new Set(options.rooms);
  }

  get isOnline(): boolean {
    return this.#connection?.wire.isWelcomed === true;
  }

  /** Rooms that the client is in now, wanted or not: the server may have refused a `leave`. */
  get rooms(): string[] {
    return this.#connection?.wire.expected.rooms() ?? [];
  }

  // --- connecting

  connect(): void {
    if (this.#isStopped || this.#connection) return;
    const number = ++this.#connections;
    const connection = new ClientConnection(number, this, this.#world, this.#random);
    this.#connection = connection;
    this.#isReading = true;
    this.#say(() => `connects (${number})`);
    const token = simToken(this.#world.claims(this.user));
    connection.wire.opened(token);
    this.#world.connect(connection.link, token, (outcome) => {
      if (outcome !== 'in') connection.end(ABNORMAL);
    });
    this.#world.timeline.after(CONNECT_TIMEOUT_MS, () => {
      if (!connection.wire.isWelcomed) this.#giveUp(connection);
    });
    this.#watch(connection);
  }

  /** The client notices a silent server: it hears nothing for longer than the server's interval. */
  #watch(connection: ClientConnection): void {
    this.#world.timeline.after(1_000, () => {
      if (this.#connection !== connection) return;
      const silentMs = this.#world.timeline.now - connection.heardAt;
      if (this.#isReading && silentMs > this.#options.heartbeatMs * 2) return this.#giveUp(connection);
      this.#watch(connection);
    });
  }

  #giveUp(connection: ClientConnection): void {
    if (this.#connection !== connection) return;
    connection.link.abandon();
    connection.end(ABNORMAL);
  }

  closed(connection: ClientConnection, code: number): void {
    this.#connection = undefined;
    this.#say(() => `is closed with ${code}`);
    if (connection.wire.isWelcomed) this.#failures = 0;
    const backoff = Math.min(BACKOFF_MS[1], BACKOFF_MS[0] * 2 ** this.#failures++);
    const pause = shouldReconnect(code) ? this.#random.delay(0, backoff) : SIGN_IN_MS;
    this.#world.timeline.after(pause, () => this.connect());
  }

  welcomed(): void {
    this.#failures = 0;
    const names = ['broadcast', 'user', ...[...this.#wanted].map((room) => `room:${room}`)];
    const known = names.filter((name) => this.positions.has(name));
    if (known.length > 0) {
      const channels = Object.fromEntries(known.map((name) => [name, this.positions.get(name)]));
      this.ask({ type: 'resume', channels });
    }
    for (const room of this.#wanted) if (!known.includes(`room:${room}`)) this.join(room);
    this.resendAll();
  }

  // --- workload and faults

  /** Disconnects for good. */
  stop(): void {
    this.#isStopped = true;
    this.leave();
  }

  /** Disconnects cleanly, like a closed laptop, and returns later. */
  leave(): void {
    const connection = this.#connection;
    if (!connection) return;
    connection.link.closeByClient(NORMAL);
    connection.end(NORMAL);
  }

  withLink(run: (link: Link) => void): void {
    if (this.#connection) run(this.#connection.link);
  }

  stopReading(ms: number): void {
    const connection = this.#connection;
    if (!connection || !this.#isReading) return;
    this.#isReading = false;
    connection.link.stopReading();
    this.#world.timeline.after(ms, () => {
      if (this.#connection !== connection) return;
      this.#isReading = true;
      connection.heardAt = this.#world.timeline.now;
      connection.link.readAgain();
    });
  }

  /** Sends a text unchanged. */
  raw(text: string): void {
    this.#connection?.send(text);
  }

  // --- requests

  chat(room: string, content: string): void {
    const id = `${this.name}-${++this.#requests}`;
    this.#sendChat(this.messages.add(room, id, content));
  }

  /** Resends an acked message. The answer must be the same. */
  repeat(): void {
    const known = this.messages.acknowledged.filter(({ attempts }) => attempts.at(-1)?.outcome === 'acked');
    if (known.length > 0) this.#sendChat(this.#random.pick(known));
  }

  #sendChat(chat: Chat): void {
    const connection = this.#connection;
    if (!connection?.wire.isWelcomed) return;
    const { room, id, content } = chat;
    connection.request({ type: 'chat', room, content }, id);
  }

  join(room: string): void {
    this.#wanted.add(room);
    const since = this.positions.get(`room:${room}`);
    this.ask({ type: 'join', room, ...(since === undefined ? {} : { since }) });
  }

  leaveRoom(room: string): void {
    this.#wanted.delete(room);
    this.ask({ type: 'leave', room });
  }

  refresh(): void {
    this.ask({ type: 'refresh', token: simToken(this.#world.claims(this.user)) });
  }

  ask(frame: Frame): void {
    this.#connection?.request(frame, `${this.name}-r${++this.#requests}`);
  }

  /** Resends unanswered messages in the order of their first attempts. */
  resendAll(): void {
    for (const chat of this.messages.unsettled) this.#sendChat(chat);
  }

  refused(connection: ClientConnection, { type, room }: Frame, retryAfterMs: number): void {
    const isChat = type === 'chat';
    if (!isChat && type !== 'join') return;
    if (isChat && this.#resending === connection) return;
    if (isChat) this.#resending = connection;
    this.#world.timeline.after(retryAfterMs + this.#random.delay(0, 500), () => {
      if (isChat && this.#resending === connection) this.#resending = undefined;
      if (this.#connection !== connection) return;
      if (isChat) this.resendAll();
      else if (this.#wanted.has(room as string)) this.join(room as string);
    });
  }

  // --- at rest

  /** Work that should be done after the end of the faults, and is not (invariants 5 and 15). */
  unfinished(): string[] {
    const connection = this.#connection;
    if (!connection?.wire.isWelcomed) return [`${this.name} is not online`];
    const behind = connection.wire.expected.behind().map((text) => `${this.name} is at ${text}`);
    const waiting = connection.wire
      .overdue(15_000)
      .map((frame) => `${this.name} has no answer to ${JSON.stringify(frame).slice(0, 120)}`);
    const open = this.messages.open.map(({ id, room }) => `${this.name} could not send ${id} to ${room}`);
    return [...behind, ...waiting, ...open];
  }

  mend(): void {
    this.resendAll();
    this.#joinMissing();
  }

  checkOrder(): void {
    this.messages.checkOrder();
  }

  /** Joins again the rooms that the client should be in and is not. */
  #joinMissing(): void {
    const connection = this.#connection;
    for (const room of this.#wanted)
      if (connection && !connection.wire.isWaiting && !connection.wire.expected.has(`room:${room}`))
        this.join(room);
  }

  /** The last presence answer of a room. */
  presenceOf(room: string): Frame | undefined {
    const reply = this.#connection?.wire.lastPresence;
    return reply?.['room'] === room ? reply : undefined;
  }

  /** This client keeps no lists. */
  wrongMembers(): string[] {
    return [];
  }

  #say(what: () => string): void {
    this.#world.trace.say(this.name, what);
  }
}
