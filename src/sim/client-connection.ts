import type { Chats } from './chats.ts';
import { Expectations, type Placed } from './expectations.ts';
import { Link, type Chunk } from './link.ts';
import type { LogChecker } from './log-checker.ts';
import type { Random } from './random.ts';
import type { Timeline } from './timeline.ts';
import type { Trace } from './trace.ts';
import type { Violate } from './violation.ts';

// oxlint-disable-next-line typescript/no-explicit-any -- of what a server sends, each field is looked at where it is used
export type Frame = Record<string, any>;

interface Request {
  readonly frame: Frame;
  readonly sentAt: number;
}

/** What a connection needs of the world. */
export interface ConnectionWorld {
  readonly timeline: Timeline;
  readonly trace: Trace;
  readonly log: LogChecker;
  readonly violate: Violate;
  readonly replayMax: number;
}

/** The client that a connection belongs to: what it knows across connections, and what it wants to hear. */
export interface ConnectionOwner {
  readonly name: string;
  readonly user: string;
  readonly chats: Chats;
  /** The last seq that it has of each channel, by its own names. */
  readonly positions: Map<string, number>;
  /** The server has let it in. */
  welcomed(connection: ClientConnection): void;
  /** A request was refused, and may be tried again after a while. */
  refused(connection: ClientConnection, request: Frame, retryAfterMs: number): void;
  closed(connection: ClientConnection, code: number): void;
}

/**
 * One connection of a simulated client: every frame it is sent is held against what it may be sent next (invariants 3
 * and 4), and every request is answered once (invariant 15).
 */
export class ClientConnection {
  readonly number: number;
  readonly link: Link;
  readonly expected: Expectations;
  readonly #owner: ConnectionOwner;
  readonly #world: ConnectionWorld;
  readonly #requests = new Map<string, Request>();
  readonly #answered = new Set<string>();
  #isOver = false;
  #welcomedAt: number | undefined;
  #hasAsked = false;
  /** Channels of everyone that could not be reached when they were to be resumed. */
  readonly #isLate = new Set<string>();
  /** Of the two channels of everyone, as the welcome told. */
  #heads: Frame | undefined;
  heardAt: number;
  /** The last answer about who is present. */
  lastPresence: Frame | undefined;

  constructor(number: number, owner: ConnectionOwner, world: ConnectionWorld, random: Random) {
    this.number = number;
    this.#owner = owner;
    this.#world = world;
    const { timeline, log, violate } = world;
    this.heardAt = timeline.now;
    this.link = new Link(timeline, random, {
      received: (chunk) => this.#received(chunk),
      closed: (code) => this.end(code),
    });
    const { name, user, positions } = owner;
    this.expected = new Expectations({
      who: `${name}/${number}`,
      user,
      log,
      violate,
      positions,
      replayMax: world.replayMax,
    });
  }

  get isWelcomed(): boolean {
    return this.#welcomedAt !== undefined;
  }

  /** Something it asked is not answered yet. */
  get isWaiting(): boolean {
    return this.#requests.size > 0;
  }

  /** Requests that have waited for longer than this. */
  overdue(ms: number): Frame[] {
    const late = [...this.#requests.values()].filter(({ sentAt }) => this.#world.timeline.now - sentAt > ms);
    return late.map(({ frame }) => frame);
  }

  end(code: number): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#owner.closed(this, code);
  }

  // --- out

  request(frame: Frame, id: string): void {
    if (!this.isWelcomed) return;
    this.#hasAsked = true;
    // An id may be asked again: only then may it be answered again.
    this.#answered.delete(id);
    this.#requests.set(id, { frame, sentAt: this.#world.timeline.now });
    this.send(JSON.stringify({ ...frame, id }));
  }

  send(text: string): void {
    this.#world.trace.say(this.#owner.name, () => `> ${text.slice(0, 160)}`);
    const { now } = this.#world.timeline;
    this.link.send({ type: 'frames', frames: [text], bytes: text.length, sentAt: now });
  }

  // --- frames

  #received(chunk: Chunk): void {
    if (this.#isOver) return;
    this.heardAt = this.#world.timeline.now;
    if (chunk.type === 'ping') return this.link.send(chunk);
    if (chunk.type !== 'frames') return;
    for (const text of chunk.frames) {
      if (this.#isOver) return;
      this.#frame(JSON.parse(text) as Frame, chunk.sentAt);
    }
  }

  #frame(frame: Frame, sentAt: number): void {
    switch (frame['type']) {
      case 'chat':
        return this.#shown(`room:${frame['room']}`, frame, sentAt);
      case 'notification':
        return this.#notified(frame, sentAt);
      case 'ack':
      case 'error':
      case 'history':
      case 'presence':
      case 'rooms':
        return this.#replied(frame, sentAt);
      case 'heartbeat':
        if (frame['status'] === 'ping') this.send('{"type":"heartbeat","status":"pong"}');
        else this.#replied(frame, sentAt);
        return;
      default:
        this.#world.violate(3, `${this.#owner.name} is sent a frame of type ${String(frame['type'])}`);
    }
  }

  #shown(name: string, frame: Frame, sentAt: number): void {
    const isGreeting = !this.#hasAsked && sentAt < (this.#welcomedAt ?? 0) + 900;
    if (isGreeting)
      this.#world.violate(4, `${this.#owner.name} is shown ${name} before it has asked for anything (HS5)`);
    const { seq, id, from, content, data } = frame;
    // A resume that comes too late finds the two channels on already, from the welcome's heads (HS5).
    if (!name.startsWith('room:') && !this.expected.has(name))
      this.expected.startAfter(name, this.#heads?.[name]);
    this.expected.shown(name, { seq, id, from, content, data, sentAt });
  }

  #notified(frame: Frame, sentAt: number): void {
    const { action, data, room } = frame;
    switch (action) {
      case 'welcome':
        return this.#welcomed(data, sentAt);
      case 'user_event':
        return this.#shown('user', frame, sentAt);
      case 'broadcast':
        return this.#shown('broadcast', frame, sentAt);
      case 'skipped':
        return this.#skipped(data);
      case 'room_closed':
        if (this.#world.log.deletedTo(`room:${room}`) < (this.#owner.positions.get(`room:${room}`) ?? 0))
          this.#world.violate(5, `${this.#owner.name} is told that ${room} is closed, and it is not`);
        return this.expected.forget(`room:${room}`);
      case 'left':
        if (data.reason === 'removed') this.expected.leave(`room:${room}`);
        return;
      default:
        return;
    }
  }

  /** Only what was deleted, or what a late answer to `resume` could not name, may be left out. */
  #skipped({ channel, from, to }: Frame): void {
    const isRoom = (channel as string).startsWith('room:');
    const isExcused = isRoom ? to <= this.#world.log.deletedTo(channel) : this.#isLate.has(channel as string);
    if (!isExcused)
      this.#world.violate(
        4,
        `${this.#owner.name} is told that ${channel} ${from}..${to} is skipped, and it is there`,
      );
    this.expected.skipped(channel, from, to);
  }

  #welcomed({ channels }: Frame, sentAt: number): void {
    if (this.#welcomedAt !== undefined) this.#world.violate(4, `${this.#owner.name} is welcomed twice`);
    this.#welcomedAt = sentAt;
    this.#heads = channels;
    for (const name of ['broadcast', 'user'])
      if (!this.#owner.positions.has(name)) this.expected.startAfter(name, channels?.[name]);
    this.#owner.welcomed(this);
  }

  // --- replies

  #replied(frame: Frame, sentAt: number): void {
    const { id } = frame;
    if (id === undefined) return;
    const request = this.#requests.get(id);
    if (!request) {
      const found = this.#answered.has(id) ? 'a second time' : 'without having asked';
      return this.#world.violate(
        15,
        `${this.#owner.name} is answered ${found}: ${JSON.stringify(frame).slice(0, 200)}`,
      );
    }
    this.#requests.delete(id);
    this.#answered.add(id);
    if (frame['type'] === 'error') return this.#refused(request, frame);
    switch (request.frame['type']) {
      case 'chat':
        return this.#owner.chats.acked(id, frame['seq'], sentAt);
      case 'join':
        return this.#placed(`room:${frame['room']}`, request.frame['since'], frame as unknown as Placed);
      case 'resume':
        return this.#resumed(request.frame['channels'], frame['channels']);
      case 'leave':
        return this.expected.leave(`room:${frame['room']}`);
      case 'history':
        return this.#history(frame, sentAt);
      case 'presence':
        this.lastPresence = frame;
        return;
      case 'rooms':
        return this.#listed(frame);
      default:
        return;
    }
  }

  #placed(name: string, since: number | undefined, reply: Placed): void {
    const isDeleted = since !== undefined && since <= this.#world.log.deletedTo(name as never);
    // It counts on from where it was, but of what was before nothing is there.
    if (isDeleted && reply.reset) return this.expected.startAfter(name, reply.seq);
    this.expected.placed(name, since, reply);
  }

  #resumed(asked: Frame, channels: Frame): void {
    for (const [name, since] of Object.entries(asked)) {
      const reply = channels[name] as (Placed & { readonly error?: string }) | undefined;
      if (!reply)
        this.#world.violate(15, `${this.#owner.name} asked to resume ${name} and is told nothing of it`);
      else if (reply.error === undefined) this.#placed(name, since, reply);
      else if (!name.startsWith('room:')) {
        this.#isLate.add(name);
        this.expected.startAfter(name, since);
      } else if (reply.error === 'gone') this.expected.forget(name);
    }
  }

  #refused({ frame }: Request, { id, code, retryAfterMs }: Frame): void {
    if (frame['type'] === 'chat') this.#owner.chats.failed(id, code);
    if (frame['type'] === 'join' && code === 'gone') this.expected.forget(`room:${frame['room']}`);
    if (frame['type'] === 'chat' || code === 'unavailable' || code === 'rate_limited')
      this.#owner.refused(this, frame, (retryAfterMs as number | undefined) ?? 200);
  }

  /** Once each, in order (RQ11). */
  #listed({ rooms }: Frame): void {
    const names = (rooms as Frame[]).map(({ room }) => room as string);
    if (names.some((name, at) => at > 0 && name <= (names[at - 1] as string)))
      this.#world.violate(4, `${this.#owner.name} is listed the rooms ${names.join(' ')}`);
  }

  /** Whole, in order, and as it is in the log. */
  #history({ channel, messages }: Frame, sentAt: number): void {
    let last: number | undefined;
    for (const { seq, id } of messages as Frame[]) {
      const entry = this.#world.log.entry(channel === 'user' ? `user:${this.#owner.user}` : channel, seq);
      if (!entry || entry.id !== id || entry.committedAt > sentAt)
        return this.#world.violate(
          3,
          `${this.#owner.name} reads ${id} at ${channel} ${seq}, where the log has ${entry?.id}`,
        );
      if (last !== undefined && seq !== last + 1)
        return this.#world.violate(1, `${this.#owner.name} reads ${channel} ${seq} after ${last}`);
      last = seq;
    }
  }
}
