import { randomBytes } from 'node:crypto';
import { readConfig, type Config } from '../../src/config/index.ts';
import { Engine } from '../../src/engine/engine.ts';
import { signToken, type TokenOptions } from '../../src/transport/auth/sign.ts';
import type { HttpServerOptions } from '../../src/transport/http/http-server.ts';
import { createDatabase, type TestDatabase } from './database.ts';
import { TestClient, type ConnectOptions } from './client.ts';

const secret = randomBytes(32).toString('hex');

/** Tests are fast, and all from one address: a limit is on where it is tested. */
const UNLIMITED = {
  messagesPerMinute: 0,
  signalsPerSecond: 0,
  requestsPerMinute: 0,
  rateAbusePerMinute: 0,
  inboundBytesPerSecond: 0,
  readBytesPerSecond: 0,
  connectionsPerSecond: 0,
  connectionsPerUser: 0,
  roomsPerHour: 0,
  membersPerCreate: 0,
} as const;

/** A configuration for tests: any free port, no log lines. The tests' servers have `fsync` off. */
export function testConfig(overrides: Partial<Config>): Config {
  const defaults = {
    host: '127.0.0.1',
    roomsAutoCreate: true,
    logLevel: 'silent',
    jwtSecret: () => secret,
  } as const;
  return Object.freeze({
    ...readConfig(defaults, { VAGUS_PORT: '0', VAGUS_ADMIN_PORT: '0' }),
    databaseFsyncOff: 'allow',
    ...UNLIMITED,
    ...overrides,
  });
}

/** An engine in this process, on a database of its own unless one is given. */
export class TestEngine {
  readonly engine: Engine;
  readonly config: Config;
  readonly #database: TestDatabase | undefined;
  readonly #clients: TestClient[] = [];

  private constructor(engine: Engine, config: Config, database: TestDatabase | undefined) {
    this.engine = engine;
    this.config = config;
    this.#database = database;
  }

  /** `times`: how long clients of HTTP may take. */
  static async start(overrides: Partial<Config> = {}, times: HttpServerOptions = {}): Promise<TestEngine> {
    const database = overrides.databaseUrl === undefined ? await createDatabase() : undefined;
    const config = testConfig({ ...(database ? { databaseUrl: database.url } : {}), ...overrides });
    return new TestEngine(await Engine.start(config, { times }), config, database);
  }

  /** What its tokens are signed with. */
  get secret(): string {
    return this.config.jwtSecret ?? secret;
  }

  get database(): TestDatabase {
    if (!this.#database) throw new Error('this engine was given its database');
    return this.#database;
  }

  token(user: string, options: Partial<TokenOptions> = {}): Promise<string> {
    return signToken({ user, secret: this.secret, ttlMs: 3_600_000, ...options });
  }

  /** A connected client that has been welcomed. */
  async connect(user: string, options: Partial<TokenOptions> & ConnectOptions = {}): Promise<TestClient> {
    const client = await TestClient.open(this.engine.url, {
      ...options,
      token: await this.token(user, options),
    });
    this.#clients.push(client);
    await client.welcome();
    return client;
  }

  /** As {@link connect}, and joined to a room. */
  async join(user: string, room: string): Promise<TestClient> {
    const client = await this.connect(user);
    await client.request({ type: 'join', room });
    return client;
  }

  async stop(): Promise<void> {
    for (const client of this.#clients) client.terminate();
    await this.engine.close();
    await this.#database?.drop();
  }
}
