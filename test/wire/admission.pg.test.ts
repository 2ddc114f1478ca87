import { Agent, type IncomingMessage, type Server } from 'node:http';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Config } from '../../src/config/index.ts';
import { Admission, type AdmissionOptions } from '../../src/transport/http/admission.ts';
import { publicApp } from '../../src/transport/http/app.ts';
import { INBOUND_LIMITS } from '../../src/limits/inbound-budget.ts';
import { createHttpServer } from '../../src/transport/http/http-server.ts';
import { listen } from '../../src/transport/http/listen.ts';
import { WsServer } from '../../src/transport/ws/ws-server.ts';
import { WsSockets } from '../../src/transport/ws/ws-sockets.ts';
import { addressKey } from '../../src/transport/http/client-address.ts';
import { Origins } from '../../src/transport/http/origins.ts';
import { DRAINING } from '../../src/transport/http/refusal.ts';
import { TestClient } from '../support/client.ts';
import { TestEngine } from '../support/engine.ts';
import { ask, LOCAL, RawSocket, type HttpAnswer, type HttpRequest, upgrade } from '../support/http.ts';

const WAYS = { upgrade, 'plain GET': ask } as const;
type Way = keyof typeof WAYS;
const ways = Object.keys(WAYS) as Way[];

const engines: TestEngine[] = [];
const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) server.close();
  for (const engine of engines.splice(0)) await engine.stop();
});

async function start(overrides: Partial<Config>): Promise<TestEngine> {
  const engine = await TestEngine.start(overrides);
  engines.push(engine);
  return engine;
}

interface Attempt extends HttpRequest {
  readonly path?: string;
  readonly from?: string;
  readonly origin?: string;
}

/** One handshake; `from`: what a proxy says of where it comes from. */
function attempt(
  way: Way,
  node: TestEngine,
  { path = '/ws', from, origin, ...request }: Attempt,
): Promise<HttpAnswer> {
  return WAYS[way](node.engine.port, path, {
    ...request,
    headers: {
      ...(from === undefined ? {} : { 'x-forwarded-for': from }),
      ...(origin === undefined ? {} : { origin }),
      ...request.headers,
    },
  });
}

const metric = async (node: TestEngine, line: string): Promise<number> => {
  const text = await (await fetch(`http://127.0.0.1:${node.engine.adminPort}/metrics`)).text();
  return Number(
    text
      .split('\n')
      .find((found) => found.startsWith(`${line} `))
      ?.slice(line.length) ?? 0,
  );
};

const GOOD = 'https://good.example';
const BAD = 'https://bad.example';

describe('[HS3] one refusal comes before the other', () => {
  /** An engine at which everything is wrong at once, but for what the attempt does right. */
  let node: TestEngine;
  beforeAll(async () => {
    node = await TestEngine.start({
      allowedOrigins: [GOOD],
      trustedProxies: ['loopback'],
      connectionsPerSecond: 1,
    });
  });
  afterAll(() => node.stop());

  let hosts = 0;
  const newHost = (): string => `10.1.${(++hosts >> 8) & 255}.${hosts & 255}`;
  const wrongVersion = { 'sec-websocket-version': '8' };
  const wrongProtocol = { 'sec-websocket-protocol': 'other' };

  test.each(ways)(
    '[HS3] path before method, method before version, version before subprotocol: %s',
    async (way) => {
      const wrongPath = await attempt(way, node, { path: '/wsx', method: 'PUT' });
      expect(wrongPath).toMatchObject({ status: 404, body: { code: 'not_found' } });
      const wrongMethod = await attempt(way, node, { method: 'PUT', headers: wrongVersion });
      expect(wrongMethod).toMatchObject({
        status: 400,
        body: { code: 'bad_request', message: expect.stringContaining('method') },
      });
      const wrongBoth = await attempt(way, node, { headers: { ...wrongVersion, ...wrongProtocol } });
      expect(wrongBoth).toMatchObject({
        status: 400,
        body: { code: 'bad_request', message: expect.stringContaining('Version') },
      });
    },
  );

  test.each(ways)(
    '[HS3] [LM3] subprotocol before the rate, and a bad request uses none of it: %s',
    async (way) => {
      const from = newHost();
      const token = await node.token('ann');
      for (let at = 0; at < 3; at++) {
        expect(await attempt(way, node, { from, token, headers: wrongProtocol })).toMatchObject({
          status: 400,
          body: { code: 'bad_request', message: expect.stringContaining('subprotocol') },
        });
      }
      expect((await attempt(way, node, { from, token })).status).toBe(way === 'upgrade' ? 101 : 426);
    },
  );

  test.each(ways)('[HS3] [LM3] the rate before the origin: %s', async (way) => {
    const from = newHost();
    const [first, second] = [
      await attempt(way, node, { from, origin: BAD }),
      await attempt(way, node, { from, origin: BAD }),
    ];
    expect(first).toMatchObject({ status: 403, body: { code: 'origin_not_allowed' } });
    expect(second).toMatchObject({
      status: 429,
      headers: { 'retry-after': '1' },
      body: { code: 'rate_limited', message: expect.any(String), retryAfterMs: expect.any(Number) },
    });
    expect(second.body['retryAfterMs']).toBeGreaterThan(0);
    expect(second.body['retryAfterMs']).toBeLessThanOrEqual(1_000);
  });

  test.each(ways)('[HS3] [LM4] the origin before the token: %s', async (way) => {
    const refused = await attempt(way, node, { from: newHost(), origin: BAD, token: 'x' });
    expect(refused).toMatchObject({ status: 403, body: { code: 'origin_not_allowed' } });
    for (const origin of [GOOD, undefined]) {
      const unsigned = await attempt(way, node, {
        from: newHost(),
        token: 'x',
        ...(origin ? { origin } : {}),
      });
      expect(unsigned).toMatchObject({ status: 401, body: { code: 'unauthorized' } });
      expect(unsigned.headers['www-authenticate']).toBe('Bearer');
    }
    expect((await attempt(way, node, { from: newHost(), origin: 'null', token: 'x' })).status).toBe(403);
  });
});

describe('[HS3] draining and overloaded', () => {
  test.each(ways)('[HS3] draining comes after the subprotocol and before all else: %s', async (way) => {
    const node = await start({ connectionsMax: 1, allowedOrigins: [GOOD] });
    // It does not read its close, so the drain waits for it.
    const deaf = await node.connect('deaf');
    deaf.ws.pause();
    const sockets = await Promise.all([1, 2, 3].map(() => RawSocket.open(node.engine.port, 'GET ')));
    // They are accepted in turn: when it answers, it has them.
    await ask(node.engine.port, '/healthz');
    const closing = node.engine.close();
    const rest = (path: string, headers: string): string =>
      `${path} HTTP/1.1\r\nHost: x\r\nOrigin: ${BAD}\r\n${headers}` +
      (way === 'upgrade'
        ? 'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n'
        : 'Connection: close\r\n\r\n');
    const [first, second, third] = sockets as [RawSocket, RawSocket, RawSocket];
    first.socket.write(rest('/ws', ''));
    second.socket.write(rest('/ws', 'Sec-WebSocket-Protocol: other\r\n'));
    third.socket.write('/v1/channels/user/messages HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    await Promise.all(sockets.map(({ closed }) => closed));
    for (const { text } of [first, third]) {
      expect(text).toMatch(/^HTTP\/1\.1 503 /);
      expect(text).toMatch(/\r\nretry-after: 1\r\n/i);
      expect(text).toContain('{"code":"draining",');
      expect(text).toContain('"retryAfterMs":1000}');
    }
    expect(second.text).toMatch(/^HTTP\/1\.1 400 [^]*"bad_request"/);
    deaf.terminate();
    await closing;
  });

  test.each(ways)(
    '[HS3] overloaded comes before the rate, and goes when a connection does: %s',
    async (way) => {
      const node = await start({ connectionsMax: 1, connectionsPerSecond: 2, allowedOrigins: [GOOD] });
      const token = await node.token('ann');
      const only = await node.connect('ann');
      for (let at = 0; at < 4; at++) {
        expect(await attempt(way, node, { origin: BAD, token: 'x' })).toMatchObject({
          status: 503,
          headers: { 'retry-after': '5' },
          body: { code: 'overloaded', retryAfterMs: 5_000 },
        });
      }
      await only.close();
      await expect
        .poll(async () => (await attempt(way, node, { token })).status, { interval: 1_100, timeout: 8_000 })
        .toBe(way === 'upgrade' ? 101 : 426);
    },
  );

  test('[HS3] a crowd that asks at once gets no more than the slots there are', async () => {
    const node = await start({ connectionsMax: 7 });
    const token = await node.token('ann');
    const clients = await Promise.all(
      Array.from({ length: 60 }, () => TestClient.open(node.engine.url, { token }).catch(() => undefined)),
    );
    expect(clients.filter(Boolean)).toHaveLength(7);
    expect(await metric(node, 'vagus_handshakes_refused_total{code="overloaded"}')).toBe(53);
    for (const client of clients) client?.terminate();
  });
});

/** Handshakes that are decided by hand. */
function admission(options: Partial<AdmissionOptions>): Admission {
  return new Admission({
    origins: new Origins([]),
    tokenInUrl: false,
    connectionsPerSecond: 0,
    trustedProxies: [],
    connectionsMax: 0,
    connections: () => 0,
    closedBecause: () => undefined,
    authenticate: (user, done) => done({ ok: true, claims: { ...CLAIMS, user } }),
    admit: (_user, _isKept, done) => done(false),
    giveBack: () => {},
    ...options,
  });
}
const CLAIMS = { session: undefined, isAdmin: false, issuedAt: undefined, expiresAt: 0 };
const request = (token: string): IncomingMessage =>
  ({ url: '/ws', method: 'GET', headers: { authorization: `Bearer ${token}` }, socket: {} }) as never;

/** A port that decides by such a gate, and by nothing else. */
async function listening(gate: Admission): Promise<{ readonly port: number; readonly faults: unknown[] }> {
  const faults: unknown[] = [];
  const told = { onRefused: () => {}, onFault: (error: unknown) => faults.push(error) };
  const unused = (): never => {
    throw new Error('it is not asked');
  };
  const app = publicApp({
    ...told,
    origins: new Origins([]),
    closedBecause: () => undefined,
    admission: gate,
    service: { spend: unused, send: unused, history: unused },
    bodyBytes: 1_024,
    requestsPerMinute: 0,
    readiness: unused,
  });
  const server = createHttpServer(app);
  const sockets = new WsSockets({
    outboundMaxBytes: 0,
    inbound: INBOUND_LIMITS,
    now: () => performance.now(),
    onBroken: () => {},
    onOverrun: () => {},
  });
  const limits = { frameBytes: 1_024, fragmentsPerMessage: 64 };
  new WsServer({ ...told, ...limits, sockets, admission: gate }).attach(server);
  servers.push(server);
  return { port: await listen(server, LOCAL), faults };
}

describe('[HS3] the last checks', () => {
  test.each(ways)('[HS3] [LM6] the token before the user’s number of connections: %s', async (way) => {
    const asked: string[] = [];
    const { port } = await listening(
      admission({
        authenticate: (user, done) =>
          done(user === 'bad' ? { ok: false, message: 'no' } : { ok: true, claims: { ...CLAIMS, user } }),
        admit: (user, _isKept, done) => done(asked.push(user) > 0),
      }),
    );
    expect(await WAYS[way](port, '/ws', { token: 'bad' })).toMatchObject({ status: 401 });
    expect(asked).toEqual([]);
    expect(await WAYS[way](port, '/ws', { token: 'ann' })).toMatchObject({
      status: 429,
      body: { code: 'too_many_connections' },
    });
    expect(asked).toEqual(['ann']);
  });

  test.each(ways)('[HS3] a fault of ours is 500 internal, without details: %s', async (way) => {
    const { port, faults } = await listening(
      admission({
        authenticate: () => {
          throw new Error('a secret of the inside');
        },
      }),
    );
    const answer = await WAYS[way](port, '/ws', { token: 'ann' });
    expect(answer).toMatchObject({ status: 500, body: { code: 'internal', message: 'a fault of the node' } });
    expect(faults).toMatchObject([{ message: 'a secret of the inside' }]);
  });

  test('[HS3] handshakes under way have a bound, and give their place back however they end', async () => {
    const waiting: (() => void)[] = [];
    const gate = admission({
      handshakesMax: 2,
      authenticate: (user, done) => {
        waiting.push(() =>
          done(user === 'bad' ? { ok: false, message: 'no' } : { ok: true, claims: { ...CLAIMS, user } }),
        );
      },
    });
    for (const token of ['ann', 'bad']) {
      const two = [gate.check(request(token), false), gate.check(request(token), false)];
      expect(await gate.check(request('late'), false)).toMatchObject({ code: 'overloaded' });
      await expect.poll(() => waiting.length).toBe(2);
      for (const go of waiting.splice(0)) go();
      for (const result of await Promise.all(two)) {
        expect(result).toMatchObject(token === 'bad' ? { code: 'unauthorized' } : { user: token });
      }
    }
    const broken = admission({
      handshakesMax: 1,
      authenticate: () => {
        throw new Error('a fault');
      },
    });
    for (let at = 0; at < 3; at++) await expect(broken.check(request('x'), false)).rejects.toThrow('a fault');
  });

  test('[HS3] draining is before overloaded', async () => {
    const gate = admission({ closedBecause: () => DRAINING, connectionsMax: 1, connections: () => 1 });
    expect(await gate.check(request('x'), false)).toMatchObject({ code: 'draining' });
  });

  test('[HS3] a client that goes away during the checks leaves nothing behind', async () => {
    const node = await start({});
    const token = await node.token('ann');
    for (let at = 0; at < 50; at++) {
      const raw = await RawSocket.open(
        node.engine.port,
        `GET /ws HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
          'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
      );
      raw.socket.resetAndDestroy();
    }
    await expect.poll(() => metric(node, 'vagus_connections')).toBe(0);
    await expect.poll(() => metric(node, 'vagus_actors{kind="conn"}')).toBe(0);
  });

  test('[LM6] a handshake that fails after it was admitted gives its place back', async () => {
    const given: string[] = [];
    const admitted: (() => void)[] = [];
    let isDraining = false;
    const { port } = await listening(
      admission({
        closedBecause: () => (isDraining ? DRAINING : undefined),
        admit: (_user, _isKept, done) => admitted.push(() => done(false)),
        giveBack: (user) => given.push(user),
      }),
    );
    const letIn = async (): Promise<void> => {
      await expect.poll(() => admitted.length).toBe(1);
      admitted.pop()?.();
    };
    const gone = await RawSocket.open(
      port,
      'GET /ws HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer gone\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
        'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
    );
    await expect.poll(() => admitted.length).toBe(1);
    gone.socket.resetAndDestroy();
    await new Promise((resolve) => setTimeout(resolve, 100));
    await letIn();
    await expect.poll(() => given).toEqual(['gone']);
    const made = upgrade(port, '/ws', { token: 'made' });
    await letIn();
    expect((await made).status).toBe(101);
    const late = upgrade(port, '/ws', { token: 'late' });
    await expect.poll(() => admitted.length).toBe(1);
    isDraining = true;
    await letIn();
    expect((await late).status).toBe(503);
    expect(given).toEqual(['gone', 'late']);
  });

  test('[HS3] a refused socket that its client never closes is cut', async () => {
    const node = await start({});
    const raw = await RawSocket.open(
      node.engine.port,
      'GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
    );
    raw.socket.allowHalfOpen = true;
    await expect.poll(() => raw.text).toContain('"bad_request"');
    const chatter = setInterval(() => raw.socket.write('still here'), 50);
    await raw.closed;
    clearInterval(chatter);
  });
});

describe('[LM3] the rate of new connections', () => {
  test.each(ways)('[LM3] five a second by default, then Retry-After; later again: %s', async (way) => {
    const node = await start({ connectionsPerSecond: 5 });
    const token = await node.token('ann');
    const answers = await Promise.all(Array.from({ length: 20 }, () => attempt(way, node, { token })));
    const good = way === 'upgrade' ? 101 : 426;
    expect(answers.filter(({ status }) => status === good)).toHaveLength(5);
    const refused = answers.filter(({ status }) => status === 429);
    expect(refused).toHaveLength(15);
    for (const { headers, body } of refused) {
      expect({ after: headers['retry-after'], code: body['code'] }).toEqual({
        after: '1',
        code: 'rate_limited',
      });
    }
    await expect.poll(async () => (await attempt(way, node, { token })).status, { interval: 300 }).toBe(good);
    const name = way === 'upgrade' ? 'vagus_handshakes_refused_total' : 'vagus_http_refused_total';
    expect(await metric(node, `${name}{code="rate_limited"}`)).toBeGreaterThanOrEqual(15);
  });

  test('[LM3] the node ignores X-Forwarded-For of an address that is no trusted proxy', async () => {
    const node = await start({ connectionsPerSecond: 1 });
    const answers = [];
    for (let at = 0; at < 3; at++)
      answers.push((await attempt('upgrade', node, { from: `10.0.0.${at}` })).status);
    expect(answers).toEqual([401, 429, 429]);
  });

  test('[LM3] behind trusted proxies each client has its own, and cannot choose another address', async () => {
    const node = await start({ connectionsPerSecond: 1, trustedProxies: ['loopback', '10.9.0.0/16'] });
    const status = async (from: string): Promise<number> => (await attempt('upgrade', node, { from })).status;
    expect([await status('10.0.0.1'), await status('10.0.0.2')]).toEqual([401, 401]);
    // What a client wrote itself stands left of what the proxy has seen.
    expect(await status('1.1.1.1, 10.0.0.1')).toBe(429);
    // Two trusted proxies in a row.
    expect(await status('10.0.0.2, 10.9.0.7')).toBe(429);
    expect(await status('10.0.0.3, 10.9.0.7')).toBe(401);
    // A port that the proxy adds is no other client.
    expect([await status('10.0.0.4:1001'), await status('10.0.0.4:1002')]).toEqual([401, 429]);
    // What is no address counts as the proxy's.
    expect([await status('unknown'), await status('nobody')]).toEqual([401, 429]);
  });

  test('[LM3] a proxy that writes ports or brackets is recognised all the same', async () => {
    const node = await start({
      connectionsPerSecond: 1,
      trustedProxies: ['loopback', '10.9.0.0/16', 'fd00::/8'],
    });
    const status = async (from: string): Promise<number> => (await attempt('upgrade', node, { from })).status;
    expect(await status('10.0.0.1:40001, 10.9.0.7:50001')).toBe(401);
    expect(await status('10.0.0.1:40002, 10.9.0.7:50002')).toBe(429);
    expect(await status('10.0.0.2:40001, 10.9.0.7:50003')).toBe(401);
    expect(await status('::ffff:10.0.0.2, ::ffff:10.9.0.7')).toBe(429);
    expect(await status('[::ffff:10.0.0.3]:1, [::ffff:a09:7]:2')).toBe(401);
    expect(await status('10.0.0.3, [fd00::7]:443, 10.9.0.8:80')).toBe(429);
    expect(await status('10.0.0.4, "[fd00::7]:443"')).toBe(401);
    expect(await status('10.0.0.4, fd00::8')).toBe(429);
    // Who is not trusted writes what he likes left of himself.
    expect(await status('10.0.0.4, 10.0.0.5:1, 10.9.0.7:2')).toBe(401);
    expect(await status('10.0.0.6, 10.0.0.5:3, 10.9.0.7:4')).toBe(429);
  });

  test('[LM3] a refused handshake and the question why count once, and only one question', async () => {
    const node = await start({ connectionsPerSecond: 1, trustedProxies: ['loopback'] });
    const statuses = async (from: string, order: readonly Way[]): Promise<number[]> => {
      const found = [];
      for (const way of order) found.push((await attempt(way, node, { from, token: 'x' })).status);
      return found;
    };
    expect(await statuses('10.0.0.1', ['upgrade', 'plain GET', 'plain GET'])).toEqual([401, 401, 429]);
    expect(await statuses('10.0.0.2', ['upgrade', 'upgrade', 'plain GET'])).toEqual([401, 429, 401]);
    // A handshake that used nothing up pays for no question.
    expect(await statuses('10.0.0.3', ['plain GET', 'upgrade', 'plain GET'])).toEqual([401, 429, 429]);
  });

  test('[LM3] of 15,000 refused tokens a few are verified, and good ones use nothing up', async () => {
    let verified = 0;
    const { port } = await listening(
      admission({
        connectionsPerSecond: 5,
        trustedProxies: ['loopback'],
        authenticate: (user, done) => {
          verified++;
          done(user === 'bad' ? { ok: false, message: 'no' } : { ok: true, claims: { ...CLAIMS, user } });
        },
      }),
    );
    const agent = new Agent({ keepAlive: true, maxSockets: 10 });
    const rest = async (token: string, from: string): Promise<HttpAnswer> =>
      await ask(port, '/v1/rooms/a/messages', { token, agent, headers: { 'x-forwarded-for': from } });
    const good = await Promise.all(Array.from({ length: 20 }, () => rest('ann', '10.0.0.1')));
    expect(good.filter(({ body }) => body['code'] === 'rate_limited')).toEqual([]);
    verified = 0;
    const begun = performance.now();
    const counts: Record<string, number> = {};
    await Promise.all(
      Array.from({ length: 10 }, async () => {
        for (let at = 0; at < 1_500; at++) {
          const { status } = await rest('bad', '10.0.0.1');
          counts[status] = (counts[status] ?? 0) + 1;
        }
      }),
    );
    const windows = Math.ceil((performance.now() - begun) / 1_000) + 1;
    expect(counts[401]).toBe(verified);
    expect(counts[429]).toBe(15_000 - verified);
    // Five in a window, and what the other sockets had under way.
    expect(verified).toBeLessThanOrEqual(windows * (5 + 10));
    // The limit is used up now, or in a few requests: then a good one waits as well, and one from elsewhere does not.
    await expect.poll(async () => (await rest('bad', '10.0.0.1')).status, { interval: 0 }).toBe(429);
    expect(await rest('ann', '10.0.0.1')).toMatchObject({ status: 429, headers: { 'retry-after': '1' } });
    expect((await rest('ann', '10.0.0.2')).status).not.toBe(429);
    await expect.poll(async () => (await rest('ann', '10.0.0.1')).status, { interval: 100 }).not.toBe(429);
    agent.destroy();
  }, 60_000);

  test('[LM3] IPv6 counts by /64', async () => {
    const node = await start({ connectionsPerSecond: 1, trustedProxies: ['loopback'] });
    const status = async (from: string): Promise<number> => (await attempt('upgrade', node, { from })).status;
    expect(await status('2001:db8:1:2::1')).toBe(401);
    expect(await status('2001:0DB8:1:2:ffff:ffff:ffff:ffff')).toBe(429);
    expect(await status('[2001:db8:1:2::9]:4711')).toBe(429);
    expect(await status('2001:db8:1:3::1')).toBe(401);
  });

  test.each([
    ['1.2.3.4', '1.2.3.4'],
    ['::ffff:1.2.3.4', '1.2.3.4'],
    ['::FFFF:102:304', '1.2.3.4'],
    ['0:0:0:0:0:ffff:1.2.3.4', '1.2.3.4'],
    ['[::ffff:1.2.3.4]:80', '1.2.3.4'],
    ['"[2001:db8::1]:80"', '2001:db8:0:0::/64'],
    ['1.2.3.4:80', '1.2.3.4'],
    ['1.2.3.4%1', '1.2.3.4'],
    ['::1', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['2001:db8::', '2001:db8:0:0::/64'],
    ['2001:db8:a::b', '2001:db8:a:0::/64'],
    ['64:ff9b::1.2.3.4', '64:ff9b:0:0::/64'],
    ['1:2:3:4:5:6:7:8', '1:2:3:4::/64'],
    ['1:2:3:4:5:6:7::', '1:2:3:4::/64'],
    ['::', '0:0:0:0::/64'],
    ['unknown', undefined],
    ['', undefined],
    ['1.2.3', undefined],
    ['1:2:3', undefined],
    ['[::1', undefined],
  ])('[LM3] %s counts as %s', (text, key) => expect(addressKey(text)).toBe(key));
});

describe('[RS6] pages of other origins', () => {
  const cors = ({ headers }: HttpAnswer): unknown[] => [
    headers['access-control-allow-origin'],
    headers['vary'],
  ];
  const preflight = (node: TestEngine, path: string, origin: string): Promise<HttpAnswer> =>
    ask(node.engine.port, path, {
      method: 'OPTIONS',
      headers: {
        origin,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization',
      },
    });
  const paths = ['/ws', '/v1/rooms/a/messages', '/v1/openapi.json', '/healthz', '/readyz'];

  test('[RS6] [LM4] without a list every origin may read every answer, refusals too', async () => {
    const node = await start({});
    for (const path of paths) {
      const answer = await ask(node.engine.port, path, { headers: { origin: BAD } });
      expect(cors(answer)).toEqual(['*', undefined]);
      expect(answer.headers['access-control-expose-headers']).toBe('Retry-After,Date');
    }
  });

  test('[RS6] [LM4] with a list the origin is echoed, and others get 403 on /ws and /v1', async () => {
    const node = await start({ allowedOrigins: [GOOD, 'https://other.example'] });
    const token = await node.token('ann');
    for (const path of paths) {
      const good = await ask(node.engine.port, path, { token, headers: { origin: GOOD } });
      expect([path, ...cors(good)]).toEqual([path, GOOD, 'Origin']);
      const bad = await ask(node.engine.port, path, { token, headers: { origin: BAD } });
      expect([path, ...cors(bad)]).toEqual([path, undefined, 'Origin']);
      const isHealth = path.endsWith('z');
      expect(bad.status === 403).toBe(!isHealth);
      if (!isHealth) expect(bad.body['code']).toBe('origin_not_allowed');
      expect((await ask(node.engine.port, path, { token })).status).not.toBe(403);
    }
    expect(await metric(node, 'vagus_http_refused_total{code="origin_not_allowed"}')).toBe(3);
  });

  test('[RS6] preflights are answered without a token', async () => {
    const node = await start({ allowedOrigins: [GOOD] });
    for (const path of paths) {
      const good = await preflight(node, path, GOOD);
      expect(good).toMatchObject({ status: 204, headers: { 'access-control-allow-origin': GOOD } });
      expect(good.headers['access-control-allow-headers']?.toLowerCase()).toBe(
        'authorization,content-type,idempotency-key',
      );
      expect(good.headers['access-control-allow-methods']).toContain('POST');
      const bad = await preflight(node, path, BAD);
      expect(bad.status).toBe(path.endsWith('z') ? 204 : 403);
      expect(bad.headers['access-control-allow-origin']).toBeUndefined();
    }
  });
});

describe('[HS3] a plain GET /ws', () => {
  test('[HS3] is 426 upgrade_required when nothing speaks against it, and holds no place', async () => {
    const node = await start({ connectionsMax: 1 });
    const token = await node.token('ann');
    for (let at = 0; at < 3; at++) {
      expect(await ask(node.engine.port, '/ws', { token })).toMatchObject({
        status: 426,
        headers: { upgrade: 'websocket', connection: expect.stringMatching(/upgrade/i) },
        body: { code: 'upgrade_required' },
      });
    }
    expect(await ask(node.engine.port, '/ws', { token, method: 'HEAD' })).toMatchObject({ status: 426 });
    await node.connect('ann');
  });

  test.each([
    ['sec-websocket-version', '12'],
    ['sec-websocket-protocol', 'other'],
    ['sec-websocket-protocol', 'vagus.v1, vagus.v1'],
    ['sec-websocket-protocol', 'vagus.v1,, x'],
    ['sec-websocket-protocol', 'vagus.v1, a b'],
  ])('[HS1] [HS3] a wrong header %s: %s is 400 bad_request, however it comes', async (name, value) => {
    const node = await start({});
    for (const way of ways) {
      const refused = await attempt(way, node, { token: 'x', headers: { [name]: value } });
      expect(refused).toMatchObject({ status: 400, body: { code: 'bad_request' } });
    }
  });

  test.each([
    ['upgrade', 'websocket, h2c'],
    ['sec-websocket-key', 'short'],
  ])('[HS1] an upgrade with %s: %s is 400 bad_request', async (name, value) => {
    const node = await start({});
    const refused = await upgrade(node.engine.port, '/ws', { token: 'x', headers: { [name]: value } });
    expect(refused).toMatchObject({ status: 400, body: { code: 'bad_request' } });
  });
});
