import type { PostAnswer, PostRequest } from 'vagus-client/core';
import { homeAddress, type HomeMessage } from '../../actors/messages/home.ts';
import type { Channel } from '../../protocol/channels.ts';
import { MemoryLogStore } from '../../store/memory/memory-log-store.ts';
import { DEFAULT_CLIENTS, newClient, type ClientKind } from '../clients/client-kinds.ts';
import { SimDatabase } from '../ports/database.ts';
import type { Fault } from '../kit/faults.ts';
import { Injector } from './injector.ts';
import { LogChecker } from '../checkers/log-checker.ts';
import { SimNode } from './node.ts';
import { Random } from '../kit/random.ts';
import { refusedBecause } from '../clients/rest-api.ts';
import { admittedBy, OPEN_ROOMS, PRIVATE_ROOM } from '../kit/rooms.ts';
import { SimNetwork } from '../ports/sim-network.ts';
import { drawSettings, type Settings } from './settings.ts';
import type { ClientDriver, ClientWorld } from '../clients/client-driver.ts';
import type { Stage } from './stage.ts';
import { EPOCH_MS, Timeline } from '../kit/timeline.ts';
import { Trace } from '../kit/trace.ts';
import type { Violation } from '../kit/violation.ts';
import { Workload } from './workload.ts';

/** The time from the death of a process to its successor. */
const RESTART_MS = [50, 4_000] as const;

/** How long a handshake takes when no process accepts it. */
const REFUSED_MS = [0.2, 5] as const;

const ASK_MS = 10_000;
const TOKEN_MS = 3_600_000;
/** How long a client waits for an answer over HTTP. */
const POST_TIMEOUT_MS = 12_000;

export interface WorldOptions {
  readonly write?: ((line: string) => void) | undefined;
  readonly clients?: ClientKind | undefined;
  /** How many nodes there are; with more than one they are a cluster. Default 1. */
  readonly nodes?: number | undefined;
}

/** Everything in one simulation, made from one seed. */
export class World implements Stage {
  readonly timeline = new Timeline();
  readonly trace: Trace;
  readonly settings: Settings;
  readonly log: LogChecker;
  readonly database: SimDatabase;
  readonly clients: ClientDriver[] = [];
  readonly injector: Injector;
  readonly workload: Workload;
  /** The current process of each node, by the node's name. */
  readonly nodes = new Map<string, SimNode>();
  readonly network: SimNetwork;
  readonly isCluster: boolean;
  readonly #picks: Random;
  readonly #names: readonly string[];
  violation: Violation | undefined;
  readonly #seed: number;
  readonly #random: Random;
  readonly #rivals: Random;
  #incarnations = 0;
  #rivalEntries = 0;
  readonly #rivaled = new Set<Channel>();
  /** The last requested change of each user's membership. */
  readonly #wishes = new Map<string, HomeMessage>();
  /** Admissions without a confirmation. Each may still be stored, because changes of members are not fenced. */
  readonly #loose = new Set<HomeMessage>();
  /** Users whom any request admitted. */
  readonly #letIn = new Set<string>();

  constructor(seed: number, faults: readonly Fault[], options: WorldOptions = {}) {
    const { write, clients = DEFAULT_CLIENTS, nodes = 1 } = options;
    this.#seed = seed;
    this.#random = new Random(seed, 'world');
    this.#rivals = new Random(seed, 'rivals');
    this.#picks = new Random(seed, 'nodes');
    this.settings = drawSettings(seed, (this.isCluster = nodes > 1));
    this.#names = Array.from({ length: nodes }, (_, at) => `n${at + 1}`);
    this.trace = new Trace(this.timeline, write);
    this.log = new LogChecker(this.timeline, this.violate, nodes > 1);
    const { timeline, trace, log: checker } = this;
    this.network = new SimNetwork(timeline, new Random(seed, 'network'), checker.links.watch);
    const memory = new MemoryLogStore({
      log: '00000000-0000-4000-8000-00000000051a',
      wall: () => EPOCH_MS + Math.floor(timeline.now),
    });
    this.database = new SimDatabase({ memory, timeline, trace, checker });
    this.injector = new Injector(this, seed, faults);
    this.workload = new Workload(this, seed);
    for (let n = 0; n < this.settings.clients; n++) this.clients.push(this.#makeClient(n, clients));
  }

  readonly violate = (invariant: number, text: string): void => {
    if (this.violation) return;
    this.violation = { invariant, text, at: this.timeline.now };
    this.trace.say('VIOLATION', () => `invariant ${invariant}: ${text}`);
  };

  /** Starts the node, then the clients one after the other. */
  start(): void {
    for (const name of this.#names) this.#startNode(name);
    // The private room exists before the first client.
    const request = {
      type: 'create',
      creator: 'u0',
      isAdmin: false,
      access: 'private',
      members: ['u1', 'u2'],
      metadata: '{}',
    } as const;
    this.askHome(`room:${PRIVATE_ROOM}`, request);
    for (const client of this.clients)
      this.timeline.after(this.#random.delay(20, 500), () => client.connect());
    this.workload.start();
    this.injector.start();
  }

  #makeClient(n: number, kind: ClientKind): ClientDriver {
    const { timeline, trace, log, violate, settings } = this;
    const random = new Random(this.#seed, 'client', String(n));
    // Every third user has a second device.
    const user = `u${n % 3 === 2 ? n - 2 : n}`;
    const rooms = [...OPEN_ROOMS, PRIVATE_ROOM].filter(() => random.chance(0.6));
    const scopes = new Random(this.#seed, 'scopes', String(n));
    const dates = new Random(this.#seed, 'dates', String(n));
    const { heartbeatIntervalMs: heartbeatMs, replayMax } = settings.program.connection;
    const claims = (of: string) => ({
      user: of,
      session: `s-${of}`,
      // Some tokens have admin rights.
      isAdmin: scopes.chance(0.1),
      issuedAt: dates.chance(0.9) ? Math.floor((EPOCH_MS + timeline.now) / 1_000) : undefined,
      // Some tokens expire soon, and their clients must return with another.
      expiresAt: this.wall() + (random.chance(0.1) ? random.whole(2_000, 20_000) : TOKEN_MS),
    });
    const connect: ClientWorld['connect'] = (link, token, done) => {
      timeline.after(random.delay(...REFUSED_MS), () => {
        const { node } = this;
        if (!node?.isAlive) return done('nobody');
        const beganAt = timeline.now;
        node.accept(link, token, (verdict) => {
          log.sessions.letIn(verdict, beganAt);
          done(verdict.ok ? 'in' : refusedBecause(verdict));
        });
        // A back end that greets users: its event may be stored during the subscription of the channel.
        if (random.chance(0.3)) timeline.after(random.delay(0, 30), () => this.workload.greet(user));
      });
    };
    const post: ClientWorld['post'] = (request, done) => {
      log.isSent(`room:${request.room}`, user, JSON.parse(request.body).id, timeline.now);
      this.#post(request, random, done);
    };
    return newClient(
      kind,
      { name: `c${n}`, user, rooms, heartbeatMs },
      { timeline, trace, log, violate, replayMax, connect, post, claims, wall: () => this.wall() },
      random,
    );
  }

  #post(request: PostRequest, random: Random, done: (answer: PostAnswer | undefined) => void): void {
    const { timeline } = this;
    timeline.after(random.delay(...REFUSED_MS), () => {
      const { node } = this;
      if (!node?.isAlive) return done(undefined);
      let isOver = false;
      const end = (answer: PostAnswer | undefined): void => {
        if (isOver) return;
        isOver = true;
        timeline.after(random.delay(...REFUSED_MS), () => done(answer));
      };
      node.post(request, end);
      // No client waits longer, and a process that died does not answer.
      timeline.after(POST_TIMEOUT_MS, () => end(undefined));
    });
  }

  /** The node that a client gets to: one of those that live, if any does. */
  get node(): SimNode | undefined {
    const nodes = [...this.nodes.values()];
    const living = nodes.length === 1 ? [] : nodes.filter((node) => node.isAlive);
    return living.length > 0 ? this.#picks.pick(living) : nodes[0];
  }

  wall(): number {
    return EPOCH_MS + Math.floor(this.timeline.now) + this.injector.wallJumpMs;
  }

  #startNode(name: string): void {
    const { timeline, trace, violate, database, injector, settings } = this;
    const node = new SimNode({
      seed: this.#seed,
      incarnation: ++this.#incarnations,
      timeline,
      trace,
      violate,
      database,
      network: this.network,
      options: { ...settings.program, node: name },
      outboundMaxBytes: settings.outboundMaxBytes,
      inbound: settings.inbound,
      mailboxMax: settings.mailboxMax,
      faultOf: (call) => injector.faultOf(call),
      wallJumpMs: () => injector.wallJumpMs,
      onDied: (node, isLost) => this.#died(node, name, isLost),
    });
    this.nodes.set(name, node);
    this.log.cluster.started(node.owner);
    trace.say(node.owner, () => 'starts');
  }

  #died(node: SimNode, name: string, isLost: boolean): void {
    this.log.cluster.died(node.owner, isLost);
    // When a process dies, its system closes the connections. When a machine dies, the clients learn nothing.
    const isTold = this.#random.chance(0.7);
    for (const link of node.sockets.links()) link.nodeDied(isTold);
    this.timeline.after(this.#random.delay(...RESTART_MS), () => this.#startNode(name));
  }

  // --- events without a client

  /** `isRepeat`: the request may be a repetition, and its answer speaks of this attempt only. */
  askHome(channel: Channel, message: HomeMessage, isRepeat = false): void {
    const { node } = this;
    // Only the last request about a user decides what must hold after its confirmation.
    if (message.type === 'setMember') this.#wishes.set(message.user, message);
    const admits = admittedBy(message);
    for (const user of admits) {
      this.#letIn.add(user);
      this.log.admitted(channel, user);
    }
    if (admits.length > 0) this.#loose.add(message);
    const askedAt = this.timeline.now;
    const { failovers } = this.log;
    node?.enter(() => {
      this.trace.say('manager', () => `asks ${channel} ${message.type}`);
      node.system.ask(homeAddress(channel), message, { deadlineMs: ASK_MS, lane: 'user' }, (answer) => {
        if (message.type === 'publish' && !isRepeat) this.log.told(channel, message.entry, answer, askedAt);
        const isDone = answer.ok && Object.keys(answer.body).length === 0;
        // A failover may have undone the change.
        if (this.log.failovers > failovers) return;
        if (isDone) this.#loose.delete(message);
        if (message.type === 'create' && message.access === 'private' && isDone) this.#strangersOf(channel);
        if (message.type !== 'setMember' || message.isMember || !isDone) return;
        const { user } = message;
        const isLast = this.#wishes.get(user) === message;
        const mayComeBack = [...this.#loose].some((admission) => admittedBy(admission).includes(user));
        if (isLast && !mayComeBack) this.log.removed(channel, user);
      });
    });
  }

  /** A private room exists. Users whom no request admitted must not be shown anything of it. */
  #strangersOf(channel: Channel): void {
    for (const { user } of this.clients) if (!this.#letIn.has(user)) this.log.removed(channel, user);
  }

  /** Writes to every channel that a rival has claimed: its home notices it, and all clients read what the rival has stored. */
  stirAll(): void {
    for (const [at, channel] of [...this.#rivaled].entries()) {
      const content = channel.startsWith('room:') ? 'stir' : '';
      const entry = { id: `stir-${at}`, sender: 'svc:sim', content, data: '{}', sentAt: null };
      this.askHome(channel, { type: 'publish', entry, by: null }, true);
    }
  }

  /** Another owner claims a channel, and may write to it, like another node that takes itself for the home. */
  rival(random: Random): void {
    const channel: Channel = random.pick([
      `room:${random.pick(OPEN_ROOMS)}`,
      'broadcast',
      'user:u0',
    ] as const);
    this.#rivaled.add(channel);
    const owner = `rival.${this.#rivals.whole(1, 1_000_000)}`;
    const writes = this.#rivals.chance(0.5);
    this.database.begin(
      { call: 'claim', owner, claims: [{ channel, mode: 'open', epoch: 0 }] },
      1,
      (reply) => {
        const granted = reply.ok
          ? (reply.value as ReadonlyMap<Channel, { epoch: number }>).get(channel)
          : undefined;
        if (granted && writes) this.#rivalWrites(channel, owner, granted.epoch);
      },
    );
  }

  #rivalWrites(channel: Channel, owner: string, epoch: number): void {
    const id = `rival-${++this.#rivalEntries}`;
    const content = channel.startsWith('room:') ? id : '';
    const entry = { id, sender: 'svc:rival', content, data: `{"n":"${id}"}`, sentAt: null };
    const append = { channel, epoch, createsRoom: channel.startsWith('room:'), entry };
    this.database.begin({ call: 'append', owner, appends: [append] }, 2, () => {});
  }
}
