import { setTimeout as sleep } from 'node:timers/promises';
import { CANARY } from './actors/canary.ts';
import type { Published } from './actors/messages.ts';
import { RETENTION } from './actors/retention.ts';
import { LEASE } from './actors/services.ts';
import { Commands } from './commands.ts';
import { checkRelations, type Config } from './config.ts';
import { Front } from './front.ts';
import { ApplicationHooks, type EngineHooks } from './host/application-hooks.ts';
import { SystemClock } from './host/system-clock.ts';
import { newIncarnation, SystemEntropy } from './host/system-entropy.ts';
import { hookOptions, programOptions, storeOptions } from './program-options.ts';
import { judgeReadiness } from './readiness.ts';
import { assembleNode } from './node/assemble-node.ts';
import { localPlacement } from './node/local-placement.ts';
import type { Ports } from './runtime/perform.ts';
import type { Verdict } from './runtime/ports/tokens.ts';
import type { ActorSystem } from './runtime/system.ts';
import type { Revoked, ToRevoke } from './session-commands.ts';
import { openStore, type OpenStore } from './store/open.ts';
import { createLogger, type Logger } from './telemetry/logger.ts';
import { NodeTelemetry, type Readings } from './telemetry/metrics.ts';
import type { JoseVerifier } from './transport/auth/jose-verifier.ts';
import { LocalBus } from './transport/bus/local-bus.ts';
import type { AnyServer } from './transport/http/ignored-upgrade.ts';
import type { HttpServerOptions } from './transport/http/http-server.ts';
import type { Readiness } from './transport/http/routes-health.ts';
import { WsSockets } from './transport/ws/ws-sockets.ts';
import { createVerifier } from './verifier.ts';

export { EngineError } from './engine-error.ts';

/** What a drain may take beside clients and appends (`DRAIN_LIMITS`); all of it together less than 25 s. */
const REQUESTS_END_MS = 3_000;
const STORE_CLOSE_MS = 3_000;

/** What a node is made of, as far as it can fail to be had. */
interface Parts {
  readonly logger: Logger;
  readonly verifier: JoseVerifier;
  readonly store: OpenStore;
  readonly failed: Promise<Error>;
}

/** What a node may be given beside its configuration. */
export interface Beside {
  /** A server to attach to, which stays the application's. */
  readonly server?: AnyServer | undefined;
  readonly hooks?: EngineHooks | undefined;
  /** How long clients of HTTP may take (HS4). */
  readonly times?: HttpServerOptions | undefined;
  /**
   * Serves the chat page at `/`, and gives whoever opens it on this machine a token for any name: for development only,
   * so it is no setting that a variable could switch on.
   */
  readonly chat?: { readonly tokenFor: (user: string) => Promise<string> } | undefined;
}

/** A running node. In a program of one's own it is made by `createEngine`. */
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
  #isDraining = false;
  #closed: Promise<void> | undefined;
  /** Resolves if the node cannot go on; whoever runs it should end the process, so that it is started anew. */
  readonly failed: Promise<Error>;

  private constructor(config: Config, { logger, verifier, store, failed }: Parts, beside: Beside) {
    this.failed = failed;
    this.#config = config;
    this.#logger = logger;
    this.#verifier = verifier;
    this.#store = store;
    const placement = localPlacement(`${config.node}.${newIncarnation()}`);
    const entropy = new SystemEntropy();
    this.#sockets = new WsSockets({
      outboundMaxBytes: config.outboundBytes,
      inbound: config,
      now: () => this.#clock.now(),
      onBroken: (reason) => this.#telemetry.count(`closed_${reason}`, 1),
      onOverrun: (what) => this.#telemetry.count(`limited_${what}`, 1),
    });
    this.#telemetry = new NodeTelemetry(logger, () => this.#readings());
    const ports: Ports = {
      clock: this.#clock,
      entropy,
      sockets: this.#sockets,
      placement,
      bus: new LocalBus(),
      store,
      tokens: { verify: (token, done) => this.#authenticate(token, done) },
      hooks: new ApplicationHooks(beside.hooks ?? {}),
      telemetry: this.#telemetry,
    };
    const hooks = hookOptions(beside.hooks);
    const node = assembleNode(ports, { program: programOptions(config, { log: () => store.log, hooks }) });
    this.#system = node.system;
    this.#commands = new Commands(this.#system, entropy, { ...config, hooks });
    this.#front = this.#makeFront(beside);
    this.#sockets.connect(node.inbox);
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

  /** Opens the log, starts the actors, and listens. Rejects with a `StoreError` or `ListenError`, or why it cannot start. */
  static async start(config: Config, beside: Beside = {}): Promise<Engine> {
    checkRelations(config);
    const logger = createLogger({ level: config.logLevel, node: config.node });
    // Before anything is open: keys that are not there stop the start.
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
      engine = new Engine(config, { logger, verifier, store, failed }, beside);
      // Others are to know of it before it can store anything.
      engine.#system.tell(LEASE, { type: 'start' });
      await engine.#front.open();
      engine.#startServices();
      logger.info(
        { port: engine.port, adminPort: engine.adminPort, log: store.log },
        beside.server ? 'ready' : 'listening',
      );
      return engine;
    } catch (error) {
      // Nobody has come, and nothing was taken: there is nothing to leave in order.
      await (engine ? engine.#closeParts() : store.close());
      throw error;
    }
  }

  /** What works without being asked. */
  #startServices(): void {
    this.#system.tell(CANARY, { type: 'start' });
    if (Object.values(this.#config.retention).some((keepMs) => keepMs > 0))
      this.#system.tell(RETENTION, { type: 'start' });
  }

  /** Where clients connect. On an application's server that does not listen yet, with port 0. */
  get url(): string {
    return this.#front.url;
  }

  /** The port of {@link url}; 0 while an application's server does not listen yet. */
  get port(): number {
    return this.#front.port;
  }

  /** Where metrics are; 0 without an admin port. */
  get adminPort(): number {
    return this.#front.adminPort;
  }

  /** The metrics of this engine in the text format of Prometheus, `text/plain; version=0.0.4; charset=utf-8`. */
  async metrics(): Promise<string> {
    return (await this.#telemetry.scrape()).body;
  }

  // --- publishing and managing, without a socket; each rejects with an EngineError, after 10 s at most

  /**
   * Stores an event for a user and delivers it to all of the user's connections (PU2 `user_event`). `data` is any JSON of
   * at most 64 KiB; with an `id` (FR4) it is stored once, however often it is published. Codes: `bad_request`, `too_large`,
   * `unavailable` and `draining` (not stored by this call), `outcome_unknown` (again with the same id), `internal`.
   */
  publishToUser(user: string, data: unknown, id?: string): Promise<Published> {
    return this.#commands.publishToUser(user, data, id);
  }

  /** Stores an event and delivers it to every connection (PU2 `broadcast`). `data`, `id` and codes: {@link publishToUser}. */
  broadcast(data: unknown, id?: string): Promise<Published> {
    return this.#commands.publish('broadcast', data, id);
  }

  /**
   * Makes somebody a member of a room, or ends that: then the user is off the room within 1 s (JW4). Codes: `bad_request`
   * (also for who is to be no member of a public room: that takes a ban), `not_found`, `gone`, `unavailable`, `outcome_unknown`.
   */
  setMember(room: string, user: string, isMember: boolean): Promise<void> {
    return this.#commands.setMember(room, user, isMember);
  }

  /** Bans somebody from any room, until a time or for ever, within 1 s (JW7). Codes: those of {@link setMember}. */
  ban(room: string, user: string, until?: Date): Promise<void> {
    return this.#commands.ban(room, user, until);
  }

  /** Ends a ban. Codes: those of {@link setMember}. */
  unban(room: string, user: string): Promise<void> {
    return this.#commands.unban(room, user);
  }

  /** Removes a room with all its messages, also one whose record was lost (FR7); everyone is off it within 1 s. Codes: those of {@link setMember}. */
  deleteRoom(room: string): Promise<void> {
    return this.#commands.deleteRoom(room);
  }

  /**
   * What the hook `authorize` says may be different now: of a user, in a room, of a user in a room, or all of it. Nothing that
   * was decided before counts any more, and who may not read is off within 1 s and the hook's time. Codes: `bad_request`.
   */
  recheck(which?: { readonly user?: string; readonly room?: string }): Promise<void> {
    return this.#commands.recheck(which);
  }

  /**
   * Ends one session (a token's `sid`, or `jti`), or all that a user has: what is open is closed within 1 s, tokens are
   * refused by their `iat` (JW5). `before`, in seconds since 1970 by the issuer's own clock: exactly those issued before.
   * Without it those issued up to 5 s before or after are `unavailable`: a newer one is needed. Tokens without `iat` are
   * refused until {@link unrevoke}. Codes: `bad_request`, `unavailable`.
   */
  revoke(which: ToRevoke): Promise<Revoked> {
    return this.#commands.sessions.revoke(which);
  }

  /** Takes back what {@link revoke} did: connections stay closed. False: there was nothing. Codes: those of {@link revoke}. */
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
    return judgeReadiness({ isDraining: this.#isDraining, log, canary });
  }

  #readings(): Readings {
    const { cells: actors, timers, asks } = this.#system.census();
    const deadLetters = this.#system.deadLetters.counts;
    return { actors, timers, asks, deadLetters, connections: this.#sockets.size, ...this.#sockets.traffic };
  }

  // --- the end

  /**
   * Leaves in order: nobody new is let in, every client gets its answers and then its own time to come back,
   * what is being appended is finished, then everything closes. Takes 25 s at most (D15). Asked again, it is the same end.
   */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  /** In this order: nobody new, clients, what is being appended, requests over HTTP, the store. */
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
    // Until here whoever came was told to go elsewhere, and a balancer that nothing is ready.
    await this.#front.close(REQUESTS_END_MS);
    await this.#commands.releaseLease();
    await Promise.race([this.#store.close(), sleep(STORE_CLOSE_MS, undefined, { ref: false })]);
    this.#system.stop();
    this.#clock.stop();
  }
}
