import { shouldReconnect } from '../protocol/codes.ts';
import { Chats, type Chat } from './chats.ts';
import { ClientConnection, type ConnectionOwner } from './client-connection.ts';
import { ABNORMAL, NORMAL, type Link } from './link.ts';
import type { Random } from './random.ts';
import { simToken } from './sim-tokens.ts';
import type { ActingClient, ClientOptions, ClientWorld } from './acting-client.ts';
import type { Seen } from './expectations.ts';
import type { Frame } from './wire-owner.ts';

const BACKOFF_MS = [50, 3_000] as const;

/** A handshake that nobody answers is given up. */
const CONNECT_TIMEOUT_MS = 3_000;

/** After being told to stay away, a person signs in again. */
const SIGN_IN_MS = 3_000;

/**
 * A client that speaks the protocol: reconnects with backoff, resumes where it was, sends again what was not answered.
 * What it does beside is the workload's business.
 */
export class SimClient implements ConnectionOwner, ActingClient {
  readonly name: string;
  readonly user: string;
  readonly chats: Chats;
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
  /** It waits before it sends again what was refused, on this connection. */
  #resending: ClientConnection | undefined;

  constructor(options: ClientOptions, world: ClientWorld, random: Random) {
    this.#options = options;
    this.#world = world;
    this.#random = random;
    this.name = options.name;
    this.user = options.user;
    this.chats = new Chats(options.name, options.user, world.log, world.violate);
    this.#wanted = new Set(options.rooms);
  }

  get isOnline(): boolean {
    return this.#connection?.wire.isWelcomed === true;
  }

  /** Rooms it is in right now, wanted or not: a wish to leave may have been refused. */
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

  /** A client hears when its server does not: nothing for longer than the server should be silent. */
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

  // --- what the workload and the faults do with it

  /** Leaves for good. */
  stop(): void {
    this.#isStopped = true;
    this.leave();
  }

  /** Goes, and comes back later, as one does who closes a laptop cleanly. */
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

  /** Sends a text as it is. */
  raw(text: string): void {
    this.#connection?.send(text);
  }

  // --- requests

  chat(room: string, content: string): void {
    const id = `${this.name}-${++this.#requests}`;
    this.#sendChat(this.chats.add(room, id, content));
  }

  /** Sends something again that was acked: it must be told the same. */
  repeat(): void {
    const known = this.chats.acknowledged.filter(({ attempts }) => attempts.at(-1)?.outcome === 'acked');
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

  /** What has no answer yet is sent again, in the order in which it was sent first. */
  resendAll(): void {
    for (const chat of this.chats.unsettled) this.#sendChat(chat);
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

  /** What should be over after faults have ended, and is not (invariants 5 and 15). */
  unfinished(): string[] {
    const connection = this.#connection;
    if (!connection?.wire.isWelcomed) return [`${this.name} is not online`];
    const behind = connection.wire.expected.behind().map((text) => `${this.name} is at ${text}`);
    const waiting = connection.wire
      .overdue(15_000)
      .map((frame) => `${this.name} has no answer to ${JSON.stringify(frame).slice(0, 120)}`);
    const open = this.chats.open.map(({ id, room }) => `${this.name} could not send ${id} to ${room}`);
    return [...behind, ...waiting, ...open];
  }

  mend(): void {
    this.resendAll();
    this.#joinMissing();
  }

  checkOrder(): void {
    this.chats.checkOrder();
  }

  /** Asks again for rooms that it is not in, though it wants to be. */
  #joinMissing(): void {
    const connection = this.#connection;
    for (const room of this.#wanted)
      if (connection && !connection.wire.isWaiting && !connection.wire.expected.has(`room:${room}`))
        this.join(room);
  }

  /** The last answer about who is present in a room. */
  presenceOf(room: string): Frame | undefined {
    const reply = this.#connection?.wire.lastPresence;
    return reply?.['room'] === room ? reply : undefined;
  }

  /** It keeps no list. */
  wrongMembers(): string[] {
    return [];
  }

  #say(what: () => string): void {
    this.#world.trace.say(this.name, what);
  }
}
