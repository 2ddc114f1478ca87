import type { HookOptions } from '../../src/actors/hooks/hooks.ts';
import { HOME_KINDS, homeAddress, type HomeMessage } from '../../src/actors/messages/home.ts';
import type { Channel } from '../../src/protocol/channels.ts';
import type { Claims } from '../../src/runtime/ports/tokens.ts';
import { SimDatabase } from '../../src/sim/ports/database.ts';
import type { DatabaseFault } from '../../src/sim/kit/faults.ts';
import { guarded } from '../../src/sim/kit/guard.ts';
import { Link, NORMAL, type Chunk } from '../../src/sim/ports/link.ts';
import { LogChecker } from '../../src/sim/checkers/log-checker.ts';
import { SimNode } from '../../src/sim/world/node.ts';
import { Random } from '../../src/sim/kit/random.ts';
import { SimNetwork } from '../../src/sim/ports/sim-network.ts';
import { drawSettings, type Settings } from '../../src/sim/world/settings.ts';
import { EPOCH_MS } from '../../src/sim/kit/timeline.ts';
import type { SimApplication } from '../../src/sim/ports/sim-hooks.ts';
import { simToken } from '../../src/sim/kit/tokens.ts';
import { Timeline } from '../../src/sim/kit/timeline.ts';
import { Trace } from '../../src/sim/kit/trace.ts';
import { INBOUND_LIMITS } from '../../src/limits/inbound-budget.ts';
import { MemoryLogStore } from '../../src/store/memory/memory-log-store.ts';
import type { Frame } from './client.ts';

type ProgramSettings = Settings['program'];

/** What a scenario changes of the settings that its seed draws. */
export interface ScenarioOptions {
  readonly connection?: Partial<ProgramSettings['connection']>;
  readonly writer?: Partial<ProgramSettings['writer']>;
  readonly allowance?: Partial<ProgramSettings['allowance']>;
  readonly autoCreate?: boolean;
  readonly graceMs?: number;
  /** What the application is asked, and what it says; else it is asked nothing. */
  readonly hooks?: HookOptions;
  readonly application?: SimApplication;
  /** There is a second node, `n2`, on the same database, and these actors of the cluster live there. */
  readonly isElsewhere?: (address: string) => boolean;
  /** The scenario is a cluster of so many nodes, whose leases and view say what lives where. */
  readonly nodes?: number;
}

/** Limits that a scenario is not about. */
const UNLIMITED = {
  messagesPerMinute: 0,
  signalsPerSecond: 0,
  requestsPerMinute: 0,
  rateAbusePerMinute: 0,
  roomsMax: 100,
  inFlightMax: 256,
} as const;

/**
 * One simulated node and clients that do what a test tells them, on virtual time. All invariants are checked as in
 * `vagus simulate`; delays, page sizes and the like are drawn from the seed.
 */
export class Scenario {
  readonly timeline = new Timeline();
  readonly log: LogChecker;
  readonly database: SimDatabase;
  readonly node: SimNode;
  readonly other: SimNode | undefined;
  /** All nodes, {@link node} first. */
  readonly nodes: readonly SimNode[];
  readonly network: SimNetwork;
  /** What is wrong with every call of the store right now. */
  fault: DatabaseFault | undefined;
  /** How far the node's wall clock was set. */
  wallJumpMs = 0;
  hasEnded = false;
  readonly #seed: number;
  readonly #trace = new Trace(this.timeline);
  #clients = 0;
  #violation: string | undefined;

  constructor(seed: number, options: ScenarioOptions = {}) {
    this.#seed = seed;
    const isCluster = options.nodes !== undefined;
    const { program, outboundMaxBytes } = drawSettings(seed, isCluster);
    const { timeline } = this;
    const trace = this.#trace;
    this.log = new LogChecker(timeline, this.#violate, isCluster);
    const memory = new MemoryLogStore({
      log: '00000000-0000-4000-8000-00000000051a',
      wall: () => EPOCH_MS + Math.floor(timeline.now),
    });
    this.database = new SimDatabase({ memory, timeline, trace, checker: this.log });
    const watch = isCluster ? this.log.links.watch : undefined;
    const network = (this.network = new SimNetwork(timeline, new Random(seed, 'network'), watch));
    const { isElsewhere } = options;
    const ownerOf = isElsewhere && ((address: string) => (isElsewhere(address) ? 'n2.1' : 'n1.1'));
    const start = (node: string, incarnation = 1): SimNode =>
      new SimNode({
        seed,
        incarnation,
        timeline,
        trace,
        violate: this.#violate,
        database: this.database,
        network,
        ownerOf,
        options: {
          ...program,
          node,
          autoCreate: options.autoCreate ?? true,
          graceMs: options.graceMs ?? program.graceMs,
          allowance: { messagesPerMinute: 0, connectionsMax: 0, ...options.allowance },
          connection: { ...program.connection, ...UNLIMITED, ...options.connection },
          writer: { ...program.writer, pendingMax: 1_024, ...options.writer },
          ...(options.hooks ? { hooks: options.hooks } : {}),
        },
        outboundMaxBytes: Math.max(outboundMaxBytes, 262_144),
        inbound: INBOUND_LIMITS,
        mailboxMax: undefined,
        faultOf: () => this.fault,
        wallJumpMs: () => this.wallJumpMs,
        onDied: () => (this.hasEnded = true),
        application: options.application,
      });
    this.node = start('n1');
    this.other = isElsewhere && start('n2');
    const more = Array.from({ length: (options.nodes ?? 1) - 1 }, (_, at) => start(`n${at + 2}`, at + 2));
    this.nodes = [this.node, ...(this.other ? [this.other] : []), ...more];
    if (isCluster) for (const { owner } of this.nodes) this.log.cluster.started(owner);
    // What the leases would say.
    this.other?.system.nodes.place({ view: undefined, peers: ['n1.1'], gone: [] });
    if (this.other) this.node.system.nodes.place({ view: undefined, peers: ['n2.1'], gone: [] });
  }

  readonly #violate = (invariant: number, text: string): void => {
    this.#violation ??= `seed ${this.#seed}, at ${this.timeline.now} ms: invariant ${invariant}: ${text}`;
  };

  /** Lets virtual time pass; throws when an invariant is broken meanwhile. */
  run(ms: number): void {
    guarded(() => {
      const end = this.timeline.now + ms;
      while (this.timeline.step(end) && !this.#violation);
      if (!this.hasEnded) this.node.audit();
    });
    if (this.#violation) throw new Error(this.#violation);
  }

  /** Lets time pass until something is so; throws when it is not within a virtual minute. */
  until(isSo: () => boolean): void {
    const end = this.timeline.now + 60_000;
    while (!isSo()) {
      if (this.timeline.now >= end) throw new Error(`seed ${this.#seed}: it does not come to be`);
      this.run(5);
    }
  }

  /** The second node dies, and the first one learns it. */
  loseOther(): void {
    this.other?.kill();
    this.node.system.nodes.place({ view: undefined, peers: [], gone: ['n2.1'] });
    const withdraw: HomeMessage = { type: 'withdraw', incarnation: 'n2.1' };
    for (const kind of HOME_KINDS) this.node.system.tellLocalKind(kind, withdraw);
  }

  /** Actors of a kind. */
  actors(kind: string): number {
    return this.node.system.census().cells.get(kind) ?? 0;
  }

  /** Something is asked of a channel's home without a client; the answer comes later. */
  askHome(channel: Channel, message: HomeMessage): { readonly body: () => unknown } {
    let body: unknown;
    this.node.system.ask(homeAddress(channel), message, { deadlineMs: 10_000, lane: 'user' }, (answer) => {
      body = answer.ok ? answer.body : answer;
    });
    return { body: () => body };
  }

  /** Begins a handshake. */
  dial(user: string, claims: Partial<Claims> = {}, node = this.node): ScenarioClient {
    const number = ++this.#clients;
    const payload = JSON.stringify({ sub: user });
    const said = { session: `s-${user}`, issuedAt: undefined, isAdmin: false, payload };
    return new ScenarioClient(
      this,
      { ...said, user, expiresAt: EPOCH_MS + 86_400_000, ...claims },
      number,
      new Random(this.#seed, 'client', String(number)),
      node,
    );
  }

  /** A client that has been welcomed. */
  connect(user: string, claims: Partial<Claims> = {}, node = this.node): ScenarioClient {
    const client = this.dial(user, claims, node);
    this.until(() => client.isWelcomed);
    return client;
  }
}

/** A client that sends what it is told to, and keeps what it gets. */
export class ScenarioClient {
  readonly frames: Frame[] = [];
  /** The code it was closed with. */
  closed: number | undefined;
  /** Why it was not let in. */
  refused: string | undefined;
  readonly #scenario: Scenario;
  readonly #link: Link;
  /** Its own among all clients: ids of a user's devices must differ. */
  readonly #number: number;
  #ids = 0;

  constructor(scenario: Scenario, claims: Claims, number: number, random: Random, node: SimNode) {
    this.#number = number;
    this.#scenario = scenario;
    const { timeline } = scenario;
    this.#link = new Link(timeline, random, {
      received: (chunk) => this.#received(chunk),
      closed: (code) => (this.closed = code),
    });
    node.accept(this.#link, simToken(claims), (verdict) => {
      if (!verdict.ok) this.refused = verdict.message;
    });
  }

  #received(chunk: Chunk): void {
    if (chunk.type === 'ping') this.#link.send(chunk);
    if (chunk.type === 'frames') this.frames.push(...chunk.frames.map((text) => JSON.parse(text) as Frame));
  }

  get isWelcomed(): boolean {
    return this.notifications('welcome').length > 0;
  }

  notifications(action: string): Frame[] {
    return this.frames.filter((frame) => frame['action'] === action);
  }

  chats(room: string): Frame[] {
    return this.frames.filter((frame) => frame['type'] === 'chat' && frame['room'] === room);
  }

  /** Sends a request, and returns its id. */
  send(frame: Frame): string {
    const id = (frame['id'] as string | undefined) ?? `${this.#number}-${++this.#ids}`;
    this.say({ ...frame, id });
    return id;
  }

  /** Sends a frame without an id: no answer is wanted. */
  say(frame: Frame): void {
    const text = JSON.stringify(frame);
    this.#link.sendText(text);
  }

  reply(id: string): Frame | undefined {
    const isReply = (frame: Frame): boolean => frame['id'] === id && frame['type'] !== 'chat';
    return this.frames.find(isReply);
  }

  /** Sends a request and lets time pass until it is answered. */
  request(frame: Frame): Frame {
    const id = this.send(frame);
    this.#scenario.until(() => this.reply(id) !== undefined);
    return this.reply(id) as Frame;
  }

  /** Its connection is cut. */
  lose(): void {
    this.#link.reset();
  }

  /** Goes, saying so. */
  leave(): void {
    this.#link.closeByClient(NORMAL);
  }
}
