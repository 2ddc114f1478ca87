import {
  ClientCore,
  type ClientError,
  type Ports,
  type Result,
  type SentMessage,
} from '../../client/src/core.ts';
import { clientChannel } from '../../src/protocol/channels.ts';
import type { ClientOptions } from '../../src/sim/client.ts';
import { Link, type Chunk } from '../../src/sim/link.ts';
import type { Random } from '../../src/sim/random.ts';
import { simToken } from '../../src/sim/sim-tokens.ts';
import type { ActingClient, ClientWorld } from '../../src/sim/acting-client.ts';

type Frame = Record<string, any>;

/** After it was told to stay away, or has left, a person comes back. */
const COME_BACK_MS = 3_000;

/** One way, for what has no link: the clock of a platform fires late, never early. */
const TICK_MS = 0.01;

interface Sent {
  readonly room: string;
  readonly id: string;
  readonly content: string;
  seq: number | undefined;
  isOpen: boolean;
}

/**
 * The SDK's core as a client of the simulator: everything it is told goes by the simulated network, everything it tells
 * the application is held against the log. Each message of a channel once and in order, over all connections and, by its
 * positions, over all runs of the application; each message sent answered once, and truly.
 */
export class SdkClient implements ActingClient {
  readonly name: string;
  readonly user: string;
  readonly #world: ClientWorld;
  readonly #random: Random;
  readonly #wanted: Set<string>;
  readonly #in = new Set<string>();
  /** The last seq that the application was shown of each channel. */
  readonly #shown = new Map<string, number>();
  readonly #sent = new Map<string, Sent>();
  #core: ClientCore | undefined;
  #link: Link | undefined;
  #isStopped = false;
  #ids = 0;
  #run = 0;
  #presence: Frame | undefined;
  #refusal: { readonly code: string } | undefined;

  constructor(options: ClientOptions, world: ClientWorld, random: Random) {
    this.name = options.name;
    this.user = options.user;
    this.#world = world;
    this.#random = random;
    this.#wanted = new Set(options.rooms);
  }

  // --- the application

  connect(): void {
    if (this.#isStopped) return;
    const core = new ClientCore(
      {
        url: 'ws://node/ws',
        token: (done) => this.#later(() => done(simToken(this.#world.claims(this.user)))),
        sendTimeoutMs: 0,
      },
      this.#ports(),
    );
    this.#core = core;
    this.#run++;
    // Of the two channels of everyone a new run of the application begins where it is let in.
    for (const name of ['broadcast', 'user']) this.#shown.delete(name);
    this.#listen(core);
    core.start();
    for (const room of this.#wanted) this.#join(core, room);
  }

  #listen(core: ClientCore): void {
    core.on('message', (message) => this.#isShown(`room:${message.room}`, message));
    core.on('user_event', (event) => this.#isShown('user', event));
    core.on('broadcast', (event) => this.#isShown('broadcast', event));
    core.on('missed', ({ channel, from, to }) => this.#missed(channel, from, to));
    core.on('reset', ({ channel, seq }) => this.#shown.set(channel, seq));
    core.on('removed', ({ room, code }) => {
      this.#say(() => `is off ${room}: ${code}`);
      this.#in.delete(room);
    });
    core.on('room_closed', ({ room }) => {
      this.#in.delete(room);
      this.#shown.delete(`room:${room}`);
    });
    core.on('error', (error) => {
      if (error.code === 'listener_failed' || error.code === 'bad_server_frame')
        this.#world.violate(4, `${this.name} has an error ${error.code}: ${error.message}`);
    });
    core.on('state', ({ state, why }) => {
      this.#say(() => `is ${state}${why ? `: ${why.code}` : ''}`);
      if (state !== 'dead' || core !== this.#core) return;
      this.#ended();
    });
  }

  #ended(): void {
    this.#core = undefined;
    this.#in.clear();
    this.#world.timeline.after(COME_BACK_MS + this.#random.delay(0, 500), () => {
      if (!this.#core) this.connect();
    });
  }

  // --- what it is shown

  #channel(name: string) {
    const channel = clientChannel(name, this.user);
    if (!channel) throw new Error(`${name} is no channel`);
    return channel;
  }

  #isShown(name: string, entry: Frame): void {
    const { violate, log } = this.#world;
    const { seq, id, from, content, data } = entry;
    const last = this.#shown.get(name);
    if (last !== undefined && seq !== last + 1)
      violate(4, `the application of ${this.name} is shown ${name} ${seq} after ${last}`);
    this.#shown.set(name, seq);
    const stored = log.entry(this.#channel(name), seq);
    const isSame =
      stored?.id === id &&
      (name.startsWith('room:')
        ? stored?.sender === from && stored?.content === content
        : stored?.data === JSON.stringify(data));
    if (!isSame)
      violate(
        3,
        `the application of ${this.name} is shown ${name} ${seq} as ${id}; the log has ${stored?.id}`,
      );
  }

  /** Only what was deleted is not to be had any more. */
  #missed(name: string, from: number, to: number): void {
    const last = this.#shown.get(name);
    const isDeleted = name.startsWith('room:') && to <= this.#world.log.deletedTo(name as never);
    if (!isDeleted)
      this.#world.violate(4, `${this.name} is told that ${name} ${from}..${to} is missed, and it is there`);
    if (last !== undefined && from > last + 1)
      this.#world.violate(4, `${this.name} is at ${name} ${last}, and told that ${from}..${to} is missed`);
    this.#shown.set(name, Math.max(to, last ?? 0));
  }

  // --- what it does

  get isOnline(): boolean {
    return this.#core?.state === 'alive';
  }

  get rooms(): string[] {
    // Suspect, it is still there for everyone else.
    return this.isOnline || this.#core?.state === 'suspect' ? [...this.#in] : [];
  }

  join(room: string): void {
    this.#wanted.add(room);
    if (this.#core) this.#join(this.#core, room);
  }

  #join(core: ClientCore, room: string): void {
    const since = this.#shown.get(`room:${room}`);
    core.join(room, since === undefined ? {} : { since }, (result) => {
      if (core !== this.#core || !result.ok) return;
      this.#in.add(room);
      if (!this.#shown.has(`room:${room}`)) this.#shown.set(`room:${room}`, result.value.seq);
    });
  }

  leaveRoom(room: string): void {
    this.#say(() => `leaves ${room}`);
    this.#wanted.delete(room);
    this.#in.delete(room);
    this.#shown.delete(`room:${room}`);
    this.#core?.leave(room, () => {});
  }

  chat(room: string, content: string): void {
    const sent: Sent = { room, id: `${this.name}-${++this.#ids}`, content, seq: undefined, isOpen: true };
    this.#sent.set(sent.id, sent);
    this.#send(sent);
  }

  repeat(): void {
    const stored = [...this.#sent.values()].filter(({ seq, isOpen }) => seq !== undefined && !isOpen);
    if (stored.length > 0) this.#send(this.#random.pick(stored.slice(-10)));
  }

  #send(sent: Sent): void {
    const core = this.#core;
    sent.isOpen = true;
    this.#world.log.allow(this.#channel(`room:${sent.room}`), this.user, sent.id);
    if (!core) return void (sent.isOpen = false);
    core.send(sent.room, sent.content, { id: sent.id }, (result) => this.#answered(sent, result));
  }

  #answered(sent: Sent, result: Result<SentMessage>): void {
    const { log, violate } = this.#world;
    const channel = this.#channel(`room:${sent.room}`);
    sent.isOpen = false;
    if (!result.ok) return this.#refused(sent, result.error);
    const { seq } = result.value;
    const stored = log.entry(channel, seq);
    if (stored?.id !== sent.id || stored.sender !== this.user)
      violate(6, `${this.name} is told that ${sent.id} is at ${sent.room} ${seq}, where ${stored?.id} is`);
    if (sent.seq !== undefined && sent.seq !== seq && sent.seq > log.deletedTo(channel))
      violate(7, `${this.name} is told that ${sent.id} is at ${seq}, and it was told ${sent.seq} before`);
    sent.seq = seq;
  }

  #refused({ room, id, seq }: Sent, { code }: ClientError): void {
    const channel = this.#channel(`room:${room}`);
    const mayBeStored = code === 'outcome_unknown' || seq !== undefined;
    if (mayBeStored) return;
    this.#world.log.deny(channel, this.user, id, `${this.name} was told ${code} of it`);
    if (this.#world.log.find(channel, this.user, id))
      this.#world.violate(6, `${this.name} is told ${code} of ${id}, and it is stored`);
  }

  ask(frame: Frame): void {
    const core = this.#core;
    const { room } = frame;
    switch (frame['type']) {
      case 'history':
        return core?.history(
          { room, channel: frame['channel'], after: frame['after'], limit: frame['limit'] },
          () => {},
        );
      case 'presence':
        return core?.presence(room, {}, (result) => {
          if (result.ok) this.#presence = { ...result.value, room };
        });
      case 'signal':
        return core?.signal(room, frame['data'], () => {});
      case 'rooms':
        return core?.rooms({ limit: frame['limit'] }, () => {});
      case 'create':
        return core?.create({ access: frame['access'], members: frame['members'] }, () => {});
      default:
        return this.raw(JSON.stringify(frame));
    }
  }

  refresh(): void {
    this.#core?.refresh(undefined, () => {});
  }

  leave(): void {
    this.#core?.close();
  }

  stop(): void {
    this.#isStopped = true;
    this.leave();
  }

  // --- faults

  withLink(run: (link: Link) => void): void {
    if (this.#link) run(this.#link);
  }

  stopReading(ms: number): void {
    const link = this.#link;
    link?.stopReading();
    this.#world.timeline.after(ms, () => link?.readAgain());
  }

  raw(text: string): void {
    const { now: sentAt } = this.#world.timeline;
    this.#link?.send({ type: 'frames', frames: [text], bytes: text.length, sentAt });
  }

  // --- at rest

  mend(): void {
    if (!this.#core || !this.isOnline) return;
    for (const room of this.#wanted) if (!this.#in.has(room)) this.#join(this.#core, room);
  }

  unfinished(): string[] {
    if (!this.isOnline) return [`${this.name} is not online`];
    const names = ['broadcast', 'user', ...[...this.#in].map((room) => `room:${room}`)];
    const behind = names.flatMap((name) => {
      const at = this.#shown.get(name);
      const head = this.#world.log.head(this.#channel(name));
      return at === undefined || at === head
        ? []
        : [`the application of ${this.name} is at ${name} ${at} of ${head}`];
    });
    const open = [...this.#sent.values()].filter(({ isOpen }) => isOpen);
    return [...behind, ...open.map(({ id }) => `${this.name} has no answer to ${id}`)];
  }

  presenceOf(room: string): Frame | undefined {
    return this.#presence?.['room'] === room ? this.#presence : undefined;
  }

  /** What was sent first is not promised to be stored first once it was refused in between. */
  checkOrder(): void {}

  // --- the platform

  #later(run: () => void): void {
    this.#world.timeline.after(TICK_MS, run);
  }

  #say(what: () => string): void {
    this.#world.trace.say(this.name, what);
  }

  #ports(): Ports {
    const { timeline } = this.#world;
    const run = this.#run + 1;
    let ids = 0;
    return {
      open: (_, protocols, handlers) => this.#open(protocols, handlers),
      now: () => timeline.now,
      after: (ms, then) => {
        const scheduled = timeline.after(ms, then);
        return () => timeline.cancel(scheduled);
      },
      random: () => (this.#random.chance(1) ? this.#random.delay(0, 1) : 0),
      newId: () => `${this.name}.${run}.${++ids}`,
      probe: (_, done) => this.#later(() => done(this.#refusal)),
      post: (request, done) => this.#world.post(request, done),
    };
  }

  #open(protocols: readonly string[], handlers: Parameters<Ports['open']>[2]) {
    const { timeline } = this.#world;
    let isOver = false;
    const closed = (code: number): void => {
      if (isOver) return;
      isOver = true;
      handlers.closed(code, '');
    };
    const received = (chunk: Chunk): void => {
      if (isOver) return;
      if (chunk.type === 'ping') return link.send(chunk);
      if (chunk.type !== 'frames') return;
      for (const text of chunk.frames) {
        if (isOver) return;
        this.#say(() => `< ${text.slice(0, 160)}`);
        handlers.message(text);
      }
    };
    const link = new Link(timeline, this.#random, { received, closed });
    this.#link = link;
    const token = protocols.find((name) => name.startsWith('bearer.'))?.slice('bearer.'.length) ?? '';
    this.#refusal = undefined;
    this.#world.connect(link, token, (outcome) => {
      if (isOver) return;
      if (outcome === 'in') return handlers.opened();
      if (outcome !== 'nobody') this.#refusal = outcome;
      closed(1006);
    });
    return {
      send: (text: string) => {
        this.#say(() => `> ${text.slice(0, 160)}`);
        link.send({ type: 'frames', frames: [text], bytes: text.length, sentAt: timeline.now });
      },
      close: (code?: number) => {
        if (code === 1000) link.closeByClient(1000);
        else link.abandon();
        isOver = true;
      },
    };
  }
}
