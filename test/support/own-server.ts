import { SignJWT } from 'jose';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createEngine, type Engine, type EngineOptions } from '../../src/index.ts';
import { signToken } from '../../src/transport/auth/sign.ts';
import { TestClient, type Frame } from './client.ts';
import { ask, type HttpAnswer, type HttpRequest } from './http.ts';

const SECRET = 'a secret of the tests, which nobody else has';

/** What tests of the library start from: no log lines, rooms by themselves, no limits of rate. */
export const QUIET = {
  jwtSecret: SECRET,
  logLevel: 'silent',
  // The tests' servers have it off.
  databaseFsyncOff: 'allow',
  roomsAutoCreate: true,
  messagesPerMinute: 0,
  requestsPerMinute: 0,
  connectionsPerSecond: 0,
  connectionsPerUser: 0,
} as const satisfies EngineOptions;

/** A server that answers `own PATH` to everything, unless told otherwise. */
export async function ownServer(
  listener: RequestListener = (request, response) => response.end(`own ${request.url}`),
): Promise<Server> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

export const portOf = (server: Server): number => (server.address() as AddressInfo).port;

export const tokenOf = (user: string, session?: string): Promise<string> =>
  signToken({ user, secret: SECRET, ttlMs: 3_600_000, ...(session === undefined ? {} : { session }) });

/** A token with claims of the application's own. */
export const tokenWith = (claims: Readonly<Record<string, unknown>>): Promise<string> =>
  new SignJWT(claims)
    .setProtectedHeader({ alg: 'HS256' })
    .setIssuedAt()
    .setExpirationTime('1h')
    .sign(new TextEncoder().encode(SECRET));

/** An engine made by the library, and its clients. */
export class Library {
  readonly engine: Engine;
  readonly #clients: TestClient[] = [];

  private constructor(engine: Engine) {
    this.engine = engine;
  }

  /** On a free port of this machine, unless told otherwise. */
  static async start(options: EngineOptions): Promise<Library> {
    return new Library(await createEngine({ ...QUIET, host: '127.0.0.1', port: 0, ...options }));
  }

  async connect(user: string, token?: string): Promise<TestClient> {
    const client = await TestClient.open(this.engine.url, { token: token ?? (await tokenOf(user)) });
    this.#clients.push(client);
    await client.welcome();
    return client;
  }

  async join(user: string, room: string): Promise<TestClient> {
    const client = await this.connect(user);
    await client.request({ type: 'join', room });
    return client;
  }

  async call(user: string, path: string, request: HttpRequest = {}): Promise<HttpAnswer> {
    return ask(this.engine.port, path, { token: await tokenOf(user), ...request });
  }

  post(user: string, room: string, message: Frame): Promise<HttpAnswer> {
    return this.call(user, `/v1/rooms/${room}/messages`, { method: 'POST', body: message });
  }

  async stop(): Promise<void> {
    for (const client of this.#clients) client.terminate();
    await this.engine.close();
  }
}
