import { shouldReconnect } from '../protocol/codes.ts';
import type { Claims } from '../runtime/ports/tokens.ts';
import { Chats, type Chat } from './chats.ts';
import { Expectations, type Placed } from './expectations.ts';
import { Link, NORMAL, type Chunk } from './link.ts';
import type { LogChecker } from './log-checker.ts';
import type { Random } from './random.ts';
import { simToken } from './sim-tokens.ts';
import type { Timeline } from './timeline.ts';
import type { Trace } from './trace.ts';
import type { Violate } from './violation.ts';

/** Anything a server sends. */
// oxlint-disable-next-line typescript/no-explicit-any -- of what a server sends, each field is looked at where it is used
type Frame = Record<string, any>;

interface Request {
  readonly frame: Frame;
  readonly sentAt: number;
}

/** A connection that is open, or is being opened. */
interface Connection {
  readonly number: number;
  readonly link: Link;
  readonly expected: Expectations;
  readonly requests: Map<string, Request>;
  readonly answered: Set<string>;
  /** It waits before it sends again what was refused. */
  isResending: boolean;
  welcomedAt: number | undefined;
  hasAsked: boolean;
  /** Of the two channels of everyone, as the welcome told. */
  heads: Frame | undefined;
  heardAt: number;
}

export interface ClientOptions {
  readonly name: string;
  readonly user: string;
  readonly heartbeatMs: number;
  /** Rooms it wants to be in. */
  readonly rooms: readonly string[];
}

/** What a client needs of the world. */
export interface ClientWorld {
  readonly timeline: Timeline;
  readonly trace: Trace;
  readonly log: LogChecker;
  readonly violate: Violate;
  /** A handshake; `done` hears whether it was let in. Nobody may be there to answer. */
  readonly connect: (link: Link, token: string, done: (isIn: boolean) => void) => void;
  readonly claims: (user: string) => Claims;
}

const BACKOFF_MS = [50, 3_000] as const;

/** A handshake that nobody answers is given up. */
const CONNECT_TIMEOUT_MS = 3_000;

/** After being told to stay away, a person signs in again. */
const SIGN_IN_MS = 3_000;

/**
 * A client that speaks the protocol, and checks every frame: reconnects with backoff, resumes where it was, sends again
 * what was not answered. What it does beside is the workload's business.
 */
export class SimClient {
  readonly name: string;
  readonly user: string;
  readonly chats: Chats;
  readonly wanted = new Set<string>();
  readonly #options: ClientOptions;
  readonly #world: ClientWorld;
  readonly #random: Random;
  readonly #positions = new Map<string, number>();
  #connection: Connection | undefined;
  #connections = 0;
  #requests = 0;
  #failures = 0;
  #isStopped = false;
  #isReading = true;

  constructor(options: ClientOptions, world: ClientWorld, random: Random) {
    this.#options = options;
    this.#world = world;
    this.#random = random;
    this.name = options.name;
    this.user = options.user;
    this.chats = new Chats(options.name, options.user, world.log, world.violate);
    for (const room of options.rooms) this.wanted.add(room);
  }

  get isOnline(): boolean {
    return this.#connection?.welcomedAt !== undefined;
  }

  get isReading(): boolean {
    return this.#isReading;
  }

  /** Rooms it is in right now, wanted or not: a wish to leave may have been refused. */
  get rooms(): string[] {
    return this.#connection?.expected.rooms() ?? [];
  }

  // --- connecting

  connect(): void {
    if (this.#isStopped || this.#connection) return;
    const { timeline, log, violate } = this.#world;
    const number = ++this.#connections;
    const who = `${this.name}/${number}`;
    const link = new Link(timeline, this.#random, {
      received: (chunk) => this.#received(connection, chunk),
      closed: (code) => this.#closed(connection, code),
    });
    const connection: Connection = {
      number,
      link,
      expected: new Expectations({ who, user: this.user, log, violate, positions: this.#positions }),
      requests: new Map(),
      answered: new Set(),
      isResending: false,
      welcomedAt: undefined,
      hasAsked: false,
      heads: undefined,
      heardAt: timeline.now,
    };
    this.#connection = connection;
    this.#isReading = true;
    this.#say(() => `connects (${number})`);
    this.#world.connect(link, simToken(this.#world.claims(this.user)), (isIn) => {
      if (!isIn) this.#closed(connection, 1006);
    });
    timeline.after(CONNECT_TIMEOUT_MS, () => {
      if (connection.welcomedAt === undefined) this.#giveUp(connection);
    });
    this.#watch(connection);
  }

  /** A client hears when its server does not: nothing for longer than the server should be silent. */
  #watch(connection: Connection): void {
    this.#world.timeline.after(1_000, () => {
      if (this.#connection !== connection) return;
      const silentMs = this.#world.timeline.now - connection.heardAt;
      if (this.#isReading && silentMs > this.#options.heartbeatMs * 2) return this.#giveUp(connection);
      this.#watch(connection);
    });
  }

  #giveUp(connection: Connection): void {
    if (this.#connection !== connection) return;
    connection.link.abandon();
    this.#closed(connection, 1006);
  }

  #closed(connection: Connection, code: number): void {
    if (this.#connection !== connection) return;
    this.#connection = undefined;
    this.#say(() => `is closed with ${code}`);
    this.chats.connectionLost(connection.number);
    if (connection.welcomedAt !== undefined) this.#failures = 0;
    const backoff = Math.min(BACKOFF_MS[1], BACKOFF_MS[0] * 2 ** this.#failures++);
    const pause = shouldReconnect(code) ? this.#random.delay(0, backoff) : SIGN_IN_MS;
    this.#world.timeline.after(pause, () => this.connect());
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
    this.#closed(connection, NORMAL);
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
    this.#send(text);
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
    if (connection?.welcomedAt === undefined) return;
    const { room, id, content } = chat;
    this.chats.sent(chat, connection.number);
    // An id may be asked again: only then may it be answered again.
    connection.answered.delete(id);
    this.#request({ type: 'chat', room, content }, id);
  }

  join(room: string): void {
    this.wanted.add(room);
    const since = this.#positions.get(`room:${room}`);
    this.#request({ type: 'join', room, ...(since === undefined ? {} : { since }) });
  }

  leaveRoom(room: string): void {
    this.wanted.delete(room);
    this.#request({ type: 'leave', room });
  }

  ask(frame: Frame): void {
    this.#request(frame);
  }

  refresh(): void {
    this.#request({ type: 'refresh', token: simToken(this.#world.claims(this.user)) });
  }

  #request(frame: Frame, id = `${this.name}-r${++this.#requests}`): void {
    const connection = this.#connection;
    if (connection?.welcomedAt === undefined) return;
    connection.hasAsked = true;
    connection.requests.set(id, { frame, sentAt: this.#world.timeline.now });
    this.#send(JSON.stringify({ ...frame, id }));
  }

  #send(text: string): void {
    const connection = this.#connection;
    if (!connection) return;
    this.#say(() => `> ${text.slice(0, 160)}`);
    const { now } = this.#world.timeline;
    connection.link.send({ type: 'frames', frames: [text], bytes: text.length, sentAt: now });
  }

  // --- frames

  #received(connection: Connection, chunk: Chunk): void {
    if (this.#connection !== connection) return;
    connection.heardAt = this.#world.timeline.now;
    if (chunk.type === 'ping') return connection.link.send(chunk);
    if (chunk.type !== 'frames') return;
    for (const text of chunk.frames) {
      if (this.#connection !== connection) return;
      this.#frame(connection, JSON.parse(text) as Frame, chunk.sentAt);
    }
  }

  #frame(connection: Connection, frame: Frame, sentAt: number): void {
    switch (frame['type']) {
      case 'chat':
        return this.#shown(connection, `room:${frame['room']}`, frame, sentAt);
      case 'notification':
        return this.#notified(connection, frame, sentAt);
      case 'ack':
      case 'error':
      case 'history':
      case 'presence':
        return this.#replied(connection, frame, sentAt);
      case 'heartbeat':
        if (frame['status'] === 'ping') this.#send('{"type":"heartbeat","status":"pong"}');
        else this.#replied(connection, frame, sentAt);
        return;
      default:
        this.#world.violate(3, `${this.name} is sent a frame of type ${String(frame['type'])}`);
    }
  }

  #shown(connection: Connection, name: string, frame: Frame, sentAt: number): void {
    const isGreeting = !connection.hasAsked && sentAt < (connection.welcomedAt ?? 0) + 900;
    if (isGreeting)
      this.#world.violate(4, `${this.name} is shown ${name} before it has asked for anything (HS5)`);
    const { seq, id, from, content, data } = frame;
    // A resume that comes too late finds the two channels on already, from the welcome's heads (HS5).
    if (!name.startsWith('room:') && !connection.expected.has(name))
      connection.expected.startAfter(name, connection.heads?.[name]);
    connection.expected.shown(name, { seq, id, from, content, data, sentAt });
  }

  #notified(connection: Connection, frame: Frame, sentAt: number): void {
    const { action, data, room } = frame;
    switch (action) {
      case 'welcome':
        return this.#welcomed(connection, data, sentAt);
      case 'user_event':
        return this.#shown(connection, 'user', frame, sentAt);
      case 'broadcast':
        return this.#shown(connection, 'broadcast', frame, sentAt);
      case 'skipped':
        return this.#skipped(connection, data);
      case 'room_closed':
        return connection.expected.forget(`room:${room}`);
      case 'left':
        if (data.reason === 'removed') connection.expected.leave(`room:${room}`);
        return;
      default:
        return;
    }
  }

  /** Only what was deleted, or what a late answer to `resume` could not name, may be left out. */
  #skipped(connection: Connection, { channel, from, to }: Frame): void {
    const isRoom = (channel as string).startsWith('room:');
    if (isRoom && to > this.#world.log.deletedTo(channel))
      this.#world.violate(
        4,
        `${this.name} is told that ${channel} ${from}..${to} is skipped, and it is there`,
      );
    connection.expected.skipped(channel, from, to);
  }

  #welcomed(connection: Connection, { channels }: Frame, sentAt: number): void {
    if (connection.welcomedAt !== undefined) this.#world.violate(4, `${this.name} is welcomed twice`);
    connection.welcomedAt = sentAt;
    this.#failures = 0;
    const names = ['broadcast', 'user', ...[...this.wanted].map((room) => `room:${room}`)];
    const known = names.filter((name) => this.#positions.has(name));
    connection.heads = channels;
    for (const name of ['broadcast', 'user'])
      if (!this.#positions.has(name)) connection.expected.startAfter(name, channels?.[name]);
    if (known.length > 0) {
      const positions = Object.fromEntries(known.map((name) => [name, this.#positions.get(name)]));
      this.#request({ type: 'resume', channels: positions });
    }
    for (const room of this.wanted) if (!known.includes(`room:${room}`)) this.join(room);
    this.resendAll();
  }

  /** What has no answer yet is sent again, in the order in which it was sent first. */
  resendAll(): void {
    for (const chat of this.chats.unsettled) this.#sendChat(chat);
  }

  // --- replies

  #replied(connection: Connection, frame: Frame, sentAt: number): void {
    const { id } = frame;
    if (id === undefined) return;
    const request = connection.requests.get(id);
    if (!request) {
      const found = connection.answered.has(id) ? 'a second time' : 'without having asked';
      return this.#world.violate(
        15,
        `${this.name} is answered ${found}: ${JSON.stringify(frame).slice(0, 200)}`,
      );
    }
    connection.requests.delete(id);
    connection.answered.add(id);
    if (frame['type'] === 'error') return this.#refused(connection, request, frame);
    switch (request.frame['type']) {
      case 'chat':
        return this.chats.acked(id, frame['seq']);
      case 'join':
        return this.#placed(
          connection,
          `room:${frame['room']}`,
          request.frame['since'],
          frame as unknown as Placed,
        );
      case 'resume':
        return this.#resumed(connection, request.frame['channels'], frame['channels']);
      case 'leave':
        return connection.expected.leave(`room:${frame['room']}`);
      case 'history':
        return this.#history(frame, sentAt);
      case 'presence':
        this.lastPresence = frame;
        return;
      default:
        return;
    }
  }

  lastPresence: Frame | undefined;

  #placed(connection: Connection, name: string, since: number | undefined, reply: Placed): void {
    const isDeleted = since !== undefined && since <= this.#world.log.deletedTo(name as never);
    // It counts on from where it was, but of what was before nothing is there.
    if (isDeleted && reply.reset) return connection.expected.startAfter(name, reply.seq);
    connection.expected.placed(name, since, reply);
  }

  #resumed(connection: Connection, asked: Frame, channels: Frame): void {
    for (const [name, since] of Object.entries(asked)) {
      const reply = channels[name] as (Placed & { readonly error?: string }) | undefined;
      if (!reply) this.#world.violate(15, `${this.name} asked to resume ${name} and is told nothing of it`);
      else if (reply.error === undefined) this.#placed(connection, name, since, reply);
      else if (!name.startsWith('room:')) connection.expected.startAfter(name, since);
      else if (reply.error === 'gone') connection.expected.forget(name);
    }
  }

  #refused(connection: Connection, request: Request, { id, code, retryAfterMs }: Frame): void {
    const { frame } = request;
    const again = (run: () => void): void => {
      const pause = (retryAfterMs ?? 200) + this.#random.delay(0, 500);
      this.#world.timeline.after(pause, () => {
        if (this.#connection === connection) run();
      });
    };
    switch (frame['type']) {
      case 'chat':
        this.chats.failed(id, code);
        if (connection.isResending) return;
        connection.isResending = true;
        return again(() => {
          connection.isResending = false;
          this.resendAll();
        });
      case 'join':
        if (code === 'gone') connection.expected.forget(`room:${frame['room']}`);
        if (code === 'unavailable') again(() => this.wanted.has(frame['room']) && this.join(frame['room']));
        return;
      default:
        return;
    }
  }

  /** Whole, in order, and as it is in the log. */
  #history({ channel, messages }: Frame, sentAt: number): void {
    let last: number | undefined;
    for (const { seq, id } of messages as Frame[]) {
      const entry = this.#world.log.entry(channel === 'user' ? `user:${this.user}` : channel, seq);
      if (!entry || entry.id !== id || entry.committedAt > sentAt)
        return this.#world.violate(
          3,
          `${this.name} reads ${id} at ${channel} ${seq}, where the log has ${entry?.id}`,
        );
      if (last !== undefined && seq !== last + 1)
        return this.#world.violate(1, `${this.name} reads ${channel} ${seq} after ${last}`);
      last = seq;
    }
  }

  // --- at rest

  /** What should be over after faults have ended, and is not (invariants 5 and 15). */
  unfinished(): string[] {
    const connection = this.#connection;
    if (!this.isOnline || !connection) return [`${this.name} is not online`];
    const { now } = this.#world.timeline;
    const behind = connection.expected.behind().map((text) => `${this.name} is at ${text}`);
    const waiting = [...connection.requests.values()]
      .filter(({ sentAt }) => now - sentAt > 15_000)
      .map(({ frame }) => `${this.name} has no answer to ${JSON.stringify(frame).slice(0, 120)}`);
    const open = this.chats.open.map(({ id, room }) => `${this.name} could not send ${id} to ${room}`);
    return [...behind, ...waiting, ...open];
  }

  /** Something it asked is not answered yet. */
  get isWaiting(): boolean {
    return (this.#connection?.requests.size ?? 0) > 0;
  }

  /** Rooms that it is not in, though it wants to be. */
  missingRooms(): string[] {
    return [...this.wanted].filter((room) => !this.#connection?.expected.has(`room:${room}`));
  }

  #say(what: () => string): void {
    this.#world.trace.say(this.name, what);
  }
}
