import type { Channel } from '../../protocol/channels.ts';
import { isSameDatabase } from '../../protocol/log-name.ts';
import { Expectations, type Asked, type Placed } from './expectations.ts';
import type { Committed } from './histories.ts';
import { RightsChecker } from './rights-checker.ts';
import type { Frame, WireListener, WireOwner, WireWorld } from './wire-owner.ts';

interface Request {
  readonly frame: Frame;
  readonly sentAt: number;
}

/**
 * Watches one connection of any client. It compares every frame from the server with what may come next (invariants 3 and
 * 4), and every request must be answered once (invariant 15), truthfully (6 and 7).
 */
export class WireChecker {
  readonly expected: Expectations;
  readonly #rights: RightsChecker;
  readonly #number: number;
  readonly #owner: WireOwner;
  readonly #world: WireWorld;
  readonly #listener: WireListener | undefined;
  /** Unanswered requests by id. A client that timed out may reuse an id, and then gets two answers. */
  readonly #requests = new Map<string, Request[]>();
  readonly #answered = new Set<string>();
  #welcomedAt: number | undefined;
  #hasAsked = false;
  /** Those of `broadcast` and `user` that were unreachable at the resume. */
  readonly #isLate = new Set<string>();
  /** The heads of `broadcast` and `user` in the welcome. */
  #heads: Frame | undefined;
  /** The log's name in the welcome. */
  #log: string | undefined;
  /** The last presence answer. */
  lastPresence: Frame | undefined;

  /** `number`: the connection's, unique for each client. */
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

  /** A request has no answer yet. */
  get isWaiting(): boolean {
    return this.#requests.size > 0;
  }

  /** Requests that have waited longer than this. */
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

  /** The connection is over. Open requests get no answer. */
  ended(): void {
    this.#owner.messages.connectionLost(this.#number);
  }

  /** The client sends a frame. */
  sent(frame: Frame): void {
    const { id, type, status, room, content } = frame;
    // The answer to a ping asks for nothing. Every other frame does, with or without an id (HS5).
    if (type !== 'heartbeat' || status !== 'pong') this.#hasAsked = true;
    if (id === undefined) return;
    this.#rights.sent(frame);
    const request = { frame, sentAt: this.#world.timeline.now };
    const open = this.#requests.get(id);
    if (open) open.push(request);
    else this.#requests.set(id, [request]);
    if (type === 'chat')
      this.#owner.messages.sent({ room, id, content }, this.#number, this.#world.timeline.now);
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
    const { seq, id, from, timestamp, content, data } = frame;
    // A late resume finds `broadcast` and `user` live already, from the heads of the welcome (HS5).
    if (!name.startsWith('room:') && !this.expected.has(name))
      this.expected.startAfter(name, this.#heads?.[name]);
    this.#isLate.delete(name);
    this.expected.shown(name, { seq, id, from, timestamp, content, data, sentAt });
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
          this.#world.violate(5, `${this.#owner.name} learns that ${room} is closed, and it is not`);
        return this.expected.forget(`room:${room}`);
      case 'left':
        if (data.reason === 'removed') this.expected.leave(`room:${room}`);
        return;
      default:
        return;
    }
  }

  /** Only deleted messages may be left out, or those that a late answer to `resume` could not name. */
  #skipped({ channel, from, to }: Frame): void {
    const isRoom = (channel as string).startsWith('room:');
    const deletedTo = isRoom ? this.#world.log.deletedTo(channel, -Infinity) : 0;
    const isExcused = isRoom ? to <= deletedTo : this.#isLate.has(channel as string);
    if (!isExcused)
      this.#world.violate(
        4,
        `${this.#owner.name} learns that ${channel} ${from}..${to} is skipped, and it is there`,
      );
    this.expected.skipped(channel, from, to);
  }

  /** Only a failover loses messages. After a late resume the reset says what an ack would have said about the position. */
  #reset({ channel, seq }: Frame): void {
    const { log, violate } = this.#world;
    if (log.failovers === 0)
      violate(4, `${this.#owner.name} learns that ${channel} has lost what is after ${seq}, and it has not`);
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
        return this.#owner.messages.acked({ id, connection: this.#number, sentAt }, frame['seq']);
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

  /** A position, and whether it is from this connection's log. */
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
    // The room counts on, but none of its earlier messages exist.
    if (isDeleted && reply.reset) return this.expected.startAfter(name, reply.seq);
    this.expected.placed(name, asked, reply);
  }

  #resumed(request: Request, channels: Frame): void {
    const named = request.frame['channels'] as Frame;
    for (const name of Object.keys(named)) {
      const asked = this.#asked(request, name, named);
      const reply = channels[name] as (Placed & { readonly error?: string }) | undefined;
      if (!reply)
        this.#world.violate(15, `${this.#owner.name} asked to resume ${name} and gets no answer for it`);
      else if (reply.error === 'forbidden') this.#rights.refused(name.slice('room:'.length), request.sentAt);
      else if (reply.error === undefined) this.#placed(name, asked, reply);
      else if (!name.startsWith('room:')) {
        this.#isLate.add(name);
        this.expected.startAfter(name, typeof asked.since === 'object' ? asked.since.seq : asked.since);
      } else if (reply.error === 'gone') this.expected.forget(name);
    }
  }

  #refused({ frame }: Request, { id, code, retryAfterMs }: Frame): void {
    if (frame['type'] === 'chat') this.#owner.messages.failed({ id, connection: this.#number }, code);
    if (frame['type'] === 'join' && code === 'gone') this.expected.forget(`room:${frame['room']}`);
    if (frame['type'] === 'chat' || code === 'unavailable' || code === 'rate_limited')
      this.#listener?.refused(frame, (retryAfterMs as number | undefined) ?? 200);
  }

  /** Each once, in order (RQ11). */
  #listed({ rooms }: Frame): void {
    const names = (rooms as Frame[]).map(({ room }) => room as string);
    if (names.some((name, at) => at > 0 && name <= (names[at - 1] as string)))
      this.#world.violate(4, `${this.#owner.name} is listed the rooms ${names.join(' ')}`);
  }

  /** Complete, in order, and equal to the log. */
  #history(request: Request, { channel, messages }: Frame, sentAt: number): void {
    const of = (channel === 'user' ? `user:${this.#owner.user}` : channel) as Channel;
    const { log, violate } = this.#world;
    let last: Committed | undefined;
    for (const { seq, id, from, timestamp } of messages as Frame[]) {
      const mark = { seq, id, from, timestamp };
      const isThere = log.hadSince(of, mark, request.sentAt) !== 'never';
      const entry = log.everAt(of, mark);
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
