import type { Channel } from '../protocol/channels.ts';
import { isSameDatabase } from '../protocol/log-name.ts';
import { Expectations, type Asked, type Placed } from './expectations.ts';
import type { Committed } from './histories.ts';
import { RightsChecker } from './rights-checker.ts';
import type { Frame, WireListener, WireOwner, WireWorld } from './wire-owner.ts';

interface Request {
  readonly frame: Frame;
  readonly sentAt: number;
}

/**
 * Sits beside a client on one connection, whoever the client is: every frame that it is sent is held against what it may
 * be sent next (invariants 3 and 4), and every request is answered once (invariant 15), truly (6 and 7).
 */
export class WireChecker {
  readonly expected: Expectations;
  readonly #rights: RightsChecker;
  readonly #number: number;
  readonly #owner: WireOwner;
  readonly #world: WireWorld;
  readonly #listener: WireListener | undefined;
  /** Not answered, by id: who has waited for too long may ask again with the same one, and gets two answers. */
  readonly #requests = new Map<string, Request[]>();
  readonly #answered = new Set<string>();
  #welcomedAt: number | undefined;
  #hasAsked = false;
  /** Channels of everyone that could not be reached when they were to be resumed. */
  readonly #isLate = new Set<string>();
  /** Of the two channels of everyone, as the welcome told. */
  #heads: Frame | undefined;
  /** Which log it is, as the welcome told. */
  #log: string | undefined;
  /** The last answer about who is present. */
  lastPresence: Frame | undefined;

  /** `number`: of the connection, another one for each of a client. */
  constructor(number: number, owner: WireOwner, world: WireWorld, listener?: WireListener) {
    this.#number = number;
    this.#owner = owner;
    this.#world = world;
    this.#listener = listener;
    const { name, user, positions } = owner;
    const { log, violate, replayMax } = world;
    this.expected = new Expectations({ who: `${name}/${number}`, user, log, violate, positions, replayMax });
    this.#rights = new RightsChecker(owner, world, this.expected);
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
    const { now } = this.#world.timeline;
    const late = [...this.#requests.values()].flat().filter(({ sentAt }) => now - sentAt > ms);
    return late.map(({ frame }) => frame);
  }

  /** The client connects with this token. */
  opened(token: string): void {
    this.#rights.opened(token);
  }

  #refreshed({ token }: Frame, sentAt: number): void {
    const open = [...this.#requests.values()].flat().map(({ frame }) => frame);
    this.#rights.refreshed([token, ...open.map((frame) => frame['token'] as unknown)], sentAt);
  }

  /** The connection is over: what is not answered will not be. */
  ended(): void {
    this.#owner.chats.connectionLost(this.#number);
  }

  /** The client sends a frame. */
  sent(frame: Frame): void {
    const { id, type, status, room, content } = frame;
    // An answer to a ping asks for nothing; everything else does, with an id or without one (HS5).
    if (type !== 'heartbeat' || status !== 'pong') this.#hasAsked = true;
    if (id === undefined) return;
    this.#rights.sent(frame);
    const request = { frame, sentAt: this.#world.timeline.now };
    const open = this.#requests.get(id);
    if (open) open.push(request);
    else this.#requests.set(id, [request]);
    if (type === 'chat')
      this.#owner.chats.sent({ room, id, content }, this.#number, this.#world.timeline.now);
  }

  // --- frames

  /** The client gets a frame, which the node handed to its system at `sentAt`. */
  received(frame: Frame, sentAt: number): void {
    this.#rights.received(this.#welcomedAt, sentAt);
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
        if (frame['status'] === 'pong') this.#replied(frame, sentAt);
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
    this.#isLate.delete(name);
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
      case 'reset':
        return this.#reset(data);
      case 'room_closed':
        if (!this.#world.log.isClosedTo(`room:${room}`, this.#owner.positions.get(`room:${room}`)?.seq ?? 0))
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
    const deletedTo = isRoom ? this.#world.log.deletedTo(channel, -Infinity) : 0;
    const isExcused = isRoom ? to <= deletedTo : this.#isLate.has(channel as string);
    if (!isExcused)
      this.#world.violate(
        4,
        `${this.#owner.name} is told that ${channel} ${from}..${to} is skipped, and it is there`,
      );
    this.expected.skipped(channel, from, to);
  }

  /** Only a failover loses anything. Of what was resumed late it is pushed what an ack would have said of its position. */
  #reset({ channel, seq }: Frame): void {
    const { log, violate } = this.#world;
    if (log.failovers === 0)
      violate(4, `${this.#owner.name} is told that ${channel} has lost what is after ${seq}, and it has not`);
    if (this.#isLate.delete(channel as string)) this.expected.restart(channel, seq);
    else this.expected.reset(channel, seq);
  }

  #welcomed({ channels, log }: Frame, sentAt: number): void {
    if (this.#welcomedAt !== undefined) this.#world.violate(4, `${this.#owner.name} is welcomed twice`);
    this.#welcomedAt = sentAt;
    this.#heads = channels;
    this.#log = log;
    for (const name of ['broadcast', 'user'])
      if (!this.#owner.positions.has(name)) this.expected.startAfter(name, channels?.[name]);
    this.#listener?.welcomed();
  }

  // --- replies

  #replied(frame: Frame, sentAt: number): void {
    const { id } = frame;
    if (id === undefined) return;
    const open = this.#requests.get(id);
    const request = open?.shift();
    if (!open || !request) {
      const found = this.#answered.has(id) ? 'a second time' : 'without having asked';
      return this.#world.violate(
        15,
        `${this.#owner.name} is answered ${found}: ${JSON.stringify(frame).slice(0, 200)}`,
      );
    }
    if (open.length === 0) this.#requests.delete(id);
    this.#answered.add(id);
    this.#rights.answered(request.frame, request.sentAt, frame);
    if (frame['type'] === 'error') return this.#refused(request, frame);
    switch (request.frame['type']) {
      case 'chat':
        return this.#owner.chats.acked({ id, connection: this.#number, sentAt }, frame['seq']);
      case 'join':
        return this.#placed(`room:${frame['room']}`, this.#asked(request, 'since'), frame as never);
      case 'resume':
        return this.#resumed(request, frame['channels']);
      case 'leave':
        return this.expected.leave(`room:${frame['room']}`);
      case 'refresh':
        return this.#refreshed(request.frame, sentAt);
      case 'history':
        return this.#history(request, frame, sentAt);
      case 'presence':
        this.lastPresence = frame;
        return;
      case 'rooms':
        return this.#listed(frame);
      default:
        return;
    }
  }

  /** A position, and whether it is of the log that this connection is told of. */
  #asked({ frame, sentAt }: Request, field: string, from: Frame = frame): Asked {
    const log = frame['log'] as string | undefined;
    const own = this.#log ?? '';
    const other = log !== undefined && isSameDatabase(log, own) ? 'another timeline' : 'another log';
    return { since: from[field], of: log === undefined || log === own ? 'this' : other, sentAt };
  }

  #placed(name: string, asked: Asked, reply: Placed): void {
    const { since } = asked;
    const seq = typeof since === 'object' ? since.seq : since;
    const isDeleted = seq !== undefined && seq <= this.#world.log.deletedTo(name as never, asked.sentAt);
    // It counts on from where it was, but of what was before nothing is there.
    if (isDeleted && reply.reset) return this.expected.startAfter(name, reply.seq);
    this.expected.placed(name, asked, reply);
  }

  #resumed(request: Request, channels: Frame): void {
    const named = request.frame['channels'] as Frame;
    for (const name of Object.keys(named)) {
      const asked = this.#asked(request, name, named);
      const reply = channels[name] as (Placed & { readonly error?: string }) | undefined;
      if (!reply)
        this.#world.violate(15, `${this.#owner.name} asked to resume ${name} and is told nothing of it`);
      else if (reply.error === 'forbidden') this.#rights.refused(name.slice('room:'.length), request.sentAt);
      else if (reply.error === undefined) this.#placed(name, asked, reply);
      else if (!name.startsWith('room:')) {
        this.#isLate.add(name);
        this.expected.startAfter(name, typeof asked.since === 'object' ? asked.since.seq : asked.since);
      } else if (reply.error === 'gone') this.expected.forget(name);
    }
  }

  #refused({ frame }: Request, { id, code, retryAfterMs }: Frame): void {
    if (frame['type'] === 'chat') this.#owner.chats.failed({ id, connection: this.#number }, code);
    if (frame['type'] === 'join' && code === 'gone') this.expected.forget(`room:${frame['room']}`);
    if (frame['type'] === 'chat' || code === 'unavailable' || code === 'rate_limited')
      this.#listener?.refused(frame, (retryAfterMs as number | undefined) ?? 200);
  }

  /** Once each, in order (RQ11). */
  #listed({ rooms }: Frame): void {
    const names = (rooms as Frame[]).map(({ room }) => room as string);
    if (names.some((name, at) => at > 0 && name <= (names[at - 1] as string)))
      this.#world.violate(4, `${this.#owner.name} is listed the rooms ${names.join(' ')}`);
  }

  /** Whole, in order, and as it is in the log. */
  #history(request: Request, { channel, messages }: Frame, sentAt: number): void {
    const of = (channel === 'user' ? `user:${this.#owner.user}` : channel) as Channel;
    const { log, violate } = this.#world;
    let last: Committed | undefined;
    for (const { seq, id, from } of messages as Frame[]) {
      const mark = { seq, id, from };
      const isThere = log.hadSince(of, mark, request.sentAt) !== 'never';
      const entry = log.everAt(of, mark, last);
      if (!isThere || !entry || entry.committedAt > sentAt)
        return violate(
          3,
          `${this.#owner.name} reads ${id} at ${channel} ${seq}, where the log has ${log.entry(of, seq)?.id}`,
        );
      if (last && (seq !== last.seq + 1 || !log.hadBoth(of, last, entry)))
        return violate(1, `${this.#owner.name} reads ${channel} ${seq} after ${last.seq}`);
      last = entry;
    }
  }
}
