import { setTimeout as sleep } from 'node:timers/promises';
import { CANARY } from '../actors/node/canary.ts';
import type { Published } from '../actors/messages/home.ts';
import { RETENTION } from '../actors/node/retention.ts';
import { LEASE } from '../actors/messages/node.ts';
import { Commands } from './gateway.ts';
import { checkRelations, type Config } from '../config/index.ts';
import type { Beside } from './beside.ts';
import { Front } from './listeners.ts';
import { ApplicationHooks } from './application-hooks.ts';
import { SystemClock } from '../host/system-clock.ts';
import { SystemEntropy } from '../host/system-entropy.ts';
import { hookOptions, programOptions, storeOptions } from './actor-options.ts';
import { judgeReadiness } from './readiness.ts';
import { logStart } from './start-log.ts';
import { assembleNode } from '../cluster/assemble-node.ts';
import type { Ports } from '../runtime/perform.ts';
import type { Verdict } from '../runtime/ports/tokens.ts';
import type { ActorSystem } from '../runtime/system.ts';
import type { Revoked, ToRevoke } from './session-gateway.ts';
import { openStore, type OpenStore } from '../store/open.ts';
import { createLogger, type Logger } from '../telemetry/logger.ts';
import { NodeTelemetry, type Readings } from '../telemetry/metrics.ts';
import type { JoseVerifier } from '../transport/auth/jose-verifier.ts';
import { joinCluster, lostError, type Membership } from './membership.ts';
import type { Readiness } from '../transport/http/routes-health.ts';
import { WsSockets } from '../transport/ws/ws-sockets.ts';
import { createVerifier } from './verifier.ts';

export { EngineError } from './engine-error.ts';

/** How long a drain may take beside clients and appends (`DRAIN_LIMITS`). The whole drain takes less than 25 s. */
const REQUESTS_END_MS = 3_000;
const STORE_CLOSE_MS = 3_000;

/** The parts of a node whose start may fail. */
interface Parts {
  readonly logger: Logger;
  readonly verifier: JoseVerifier;
  readonly store: OpenStore;
  readonly failed: Promise<Error>;
  readonly fail: (error: Error) => void;
}

/** A running node. An application creates one with `createEngine`. */
export class Engine {
  readonly #config: Config;
  readonly #logger: Logger;
  readonly #clock = new SystemClock();
  readonly #system: ActorSystem;
  readonly #commands: Commands;
  readonly #store: OpenStore;
  readonly #sockets: WsSockets;
  readonly #verifier: JoseVerifier;
  readonly #telemetry: NodeTelemetry;
  readonly #front: Front;
  readonly #membership: Membership;
  #isDraining = false;
  #closed: Promise<void> | undefined;
  /** Resolves if the node cannot continue. The application should then end the process, so that it is restarted. */
  readonly failed: Promise<Error>;

  private constructor(config: Config, { logger, verifier, store, failed, fail }: Parts, beside: Beside) {
    this.failed = failed;
    this.#config = config;
    this.#logger = logger;
    this.#verifier = verifier;
    this.#store = store;
    const entropy = new SystemEntropy();
    this.#sockets = new WsSockets({
      outboundMaxBytes: config.outboundBytes,
      inbound: config,
      now: () => this.#clock.now(),
      onBroken: (reason) => this.#telemetry.count(`closed_${reason}`, 1),
      onOverrun: (what) => this.#telemetry.count(`limited_${what}`, 1),
    });
    this.#telemetry = new NodeTelemetry(logger, () => this.#readings());
    this.#membership = joinCluster(config, this.#clock, this.#telemetry);
    const { placement, bus, cluster, others } = this.#membership;
    const ports: Ports = {
      clock: this.#clock,
      entropy,
      sockets: this.#sockets,
      placement,
      bus,
      store,
      tokens: { verify: (token, done) => this.#authenticate(token, done) },
      hooks: new ApplicationHooks(beside.hooks ?? {}),
      telemetry: this.#telemetry,
      announcer: others?.announcer,
      onLost: (reason) => fail(lostError(reason)),
    };
    const hooks = hookOptions(beside.hooks);
    const node = assembleNode(ports, {
      program: { ...programOptions(config, { log: () => store.log, hooks }), cluster },
    });
    this.#system = node.system;
    this.#commands = new Commands(this.#system, entropy, { ...config, hooks });
    this.#front = this.#makeFront(beside);
    this.#sockets.connect(node.inbox);
    others?.open(node.system);
  }

  #makeFront({ server, times = {}, chat }: Beside): Front {
    return new Front({
      config: this.#config,
      server,
      times,
      chat,
      sockets: this.#sockets,
      telemetry: this.#telemetry,
      commands: this.#commands,
      authenticate: (token, done) => this.#authenticate(token, done),
      readiness: () => this.#readiness(),
      isDraining: () => this.#isDraining,
      onFault: (error) => this.#logger.error({ error: (error as Error).stack }, 'an HTTP request failed'),
    });
  }

  /** Opens the log, starts the actors, and listens. Rejects with a `StoreError`, a `ListenError`, or another reason. */
  static async start(config: Config, beside: Beside = {}): Promise<Engine> {
    checkRelations(config);
    const logger = createLogger({ level: config.logLevel, node: config.node });
    // Missing keys stop the start before anything is open.
    const verifier = createVerifier(config, logger, beside.hooks?.authorize !== undefined);
    let fail!: (error: Error) => void;
    const failed = new Promise<Error>((resolve) => (fail = resolve));
    const store = await openStore({
      ...storeOptions(config),
      onIdleError: (error) => logger.warn({ message: error.message }, 'database connection lost'),
      onEnd: fail,
    });
    let engine: Engine | undefined;
    try {
      engine = new Engine(config, { logger, verifier, store, failed, fail }, beside);
      // Other processes must know of this one before it can store anything.
      engine.#system.tell(LEASE, { type: 'start' });
      await engine.#front.open();
      engine.#startServices();
      logStart(engine, logger, store, beside);
      return engine;
    } catch (error) {
      // No client has connected and nothing was accepted, so there is nothing to drain.
      await (engine ? engine.#closeParts() : store.close());
      throw error;
    }
  }

  /** Starts the actors that work without a request. */
  #startServices(): void {
    this.#system.tell(CANARY, { type: 'start' });
    if (Object.values(this.#config.retention).some((keepMs) => keepMs > 0))
      this.#system.tell(RETENTION, { type: 'start' });
  }

  /** The URL that clients connect to. Its port is 0 while an application's server does not listen yet. */
  get url(): string {
    return this.#front.url;
  }

  /** The port of {@link url}; 0 while an application's server does not listen yet. */
  get port(): number {
    return this.#front.port;
  }

  /** The port of the metrics; 0 without an admin port. */
  get adminPort(): number {
    return this.#front.adminPort;
  }

  /** The metrics of this engine in the text format of Prometheus, `text/plain; version=0.0.4; charset=utf-8`. */
  async metrics(): Promise<string> {
    return (await this.#telemetry.scrape()).body;
  }

  // --- publishing and managing without a socket; each rejects with an EngineError, within 10 s

  /**
   * Stores an event for a user and delivers it to all of the user's connections (PU2 `user_event`). `data` is any JSON of
   * at most 64 KiB. With an `id` (FR4) it is stored once, however often it is published. Codes: `bad_request`, `too_large`,
   * `unavailable` and `draining` (not stored by this call), `outcome_unknown` (retry with the same id), `internal`.
   */
  publishToUser(user: string, data: unknown, id?: string): Promise<Published> {
    return this.#commands.publishToUser(user, data, id);
  }

  /** Stores an event and delivers it to every connection (PU2 `broadcast`). `data`, `id` and codes: {@link publishToUser}. */
  broadcast(data: unknown, id?: string): Promise<Published> {
    return this.#commands.publish('broadcast', data, id);
  }

  /**
   * Makes a user a member of a room, or removes the user, who then leaves the room within 1 s (JW4). Codes: `bad_request`
   * (also for removing a member of a public room: use a ban), `not_found`, `gone`, `unavailable`, `outcome_unknown`.
   */
  setMember(room: string, user: string, isMember: boolean): Promise<void> {
    return this.#commands.setMember(room, user, isMember);
  }

  /** Bans a user from any room within 1 s, until a time or for ever (JW7). Codes: those of {@link setMember}. */
  ban(room: string, user: string, until?: Date): Promise<void> {
    return this.#commands.ban(room, user, until);
  }

  /** Ends a ban. Codes: those of {@link setMember}. */
  unban(room: string, user: string): Promise<void> {
    return this.#commands.unban(room, user);
  }

  /** Removes a room with its messages, also one without a record (FR7), within 1 s. Codes: those of {@link setMember}. */
  deleteRoom(room: string): Promise<void> {
    return this.#commands.deleteRoom(room);
  }

  /**
   * Drops the cached answers of the hook `authorize`: for a user, a room, a user in a room, or all. A user who may no
   * longer read leaves within 1 s and the hook's time. Codes: `bad_request`.
   */
  recheck(which?: { readonly user?: string; readonly room?: string }): Promise<void> {
    return this.#commands.recheck(which);
  }

  /**
   * Ends one session (a token's `sid`, or `jti`), or all of a user's. Connections close within 1 s, and tokens are refused
   * by their `iat` (JW5): with `before`, in seconds since 1970 by the issuer's clock, exactly those issued earlier. Without
   * it those issued within 5 s of now are `unavailable`, and clients need newer ones. Tokens without `iat` are refused
   * until {@link unrevoke}. Codes: `bad_request`, `unavailable`.
   */
  revoke(which: ToRevoke): Promise<Revoked> {
    return this.#commands.sessions.revoke(which);
  }

  /** Undoes {@link revoke}, but its connections stay closed. False when there is none. Codes: those of {@link revoke}. */
  unrevoke(which: { readonly user: string } | { readonly session: string }): Promise<boolean> {
    return this.#commands.sessions.unrevoke(which);
  }

  // --- checks

  #authenticate(token: string, done: (verdict: Verdict) => void): void {
    this.#verifier.verify(token, (verdict) => this.#commands.sessions.judge(verdict, done));
  }

  async #readiness(): Promise<Readiness> {
    const [log, canary] = await Promise.all([
      this.#commands.logStatus().catch(() => undefined),
      this.#commands.canaryStatus(),
    ]);
    return judgeReadiness({ isDraining: this.#isDraining, log, canary, peers: this.#membership.state() });
  }

  #readings(): Readings {
    const { cells: actors, timers, asks } = this.#system.census();
    const deadLetters = this.#system.deadLetters.counts;
    const { size: connections, traffic } = this.#sockets;
    const { survives: ackSurvives } = this.#store.ack;
    const state = this.#membership.state();
    const isReached = state === undefined ? undefined : state === 'up';
    return { actors, timers, asks, deadLetters, connections, ackSurvives, isReached, ...traffic };
  }

  // --- the end

  /**
   * Closes in order: the engine accepts no client, every client gets its answers and then its own time to reconnect,
   * appends finish, then everything closes. It takes 25 s at most (D15). A second call returns the same promise.
   */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  /** In this order: new clients, connected clients, appends, HTTP requests, the store. */
  async #close(): Promise<void> {
    this.#isDraining = true;
    this.#logger.info({ connections: this.#sockets.size }, 'draining');
    this.#commands.close();
    await this.#commands.leave();
    await this.#closeParts();
    this.#logger.info('closed');
    this.#logger.flush();
  }

  async #closeParts(): Promise<void> {
    // Until here new clients got a refusal to retry elsewhere, and load balancers got not ready.
    await this.#front.close(REQUESTS_END_MS);
    await this.#commands.releaseLease();
    await Promise.race([this.#store.close(), sleep(STORE_CLOSE_MS, undefined, { ref: false })]);
    this.#membership.close();
    this.#system.stop();
    this.#clock.stop();
  }
}
