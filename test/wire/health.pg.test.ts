import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Readiness } from '../../src/transport/http/routes-health.ts';
import { adminApp } from '../../src/transport/http/app.ts';
import { createHttpServer } from '../../src/transport/http/http-server.ts';
import { listen } from '../../src/transport/http/listen.ts';
import { createDatabase } from '../support/database.ts';
import { TestEngine } from '../support/engine.ts';
import { ask, LOCAL, RawSocket } from '../support/http.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';

// Each has an engine of its own, and waits for it.
describe.concurrent('[RS5] health of a node', () => {
  let node: TestEngine;
  beforeAll(async () => {
    node = await TestEngine.start();
  });
  afterAll(() => node.stop());

  test('[RS5] both on both ports, without a token; metrics on the admin port only', async ({ expect }) => {
    // Ready is a node once a message of its own has gone the whole way.
    await expect.poll(async () => (await ask(node.engine.port, '/readyz')).status).toBe(200);
    for (const port of [node.engine.port, node.engine.adminPort]) {
      expect(await ask(port, '/healthz')).toMatchObject({ status: 200, body: { status: 'alive' } });
      expect(await ask(port, '/readyz')).toMatchObject({ status: 200 });
      expect((await ask(port, '/readyz')).body).toEqual({ status: 'ready' });
      expect((await ask(port, '/readyz?strict')).body).toEqual({ status: 'ready' });
      expect(await ask(port, '/readyz', { method: 'HEAD' })).toMatchObject({ status: 200, body: {} });
    }
    const metrics = await fetch(`http://127.0.0.1:${node.engine.adminPort}/metrics`);
    expect(metrics.headers.get('content-type')).toContain('text/plain');
    expect(await ask(node.engine.port, '/metrics')).toMatchObject({ status: 404 });
    for (const path of ['/ws', '/v1/openapi.json']) {
      expect(await ask(node.engine.adminPort, path)).toMatchObject({
        status: 404,
        body: { code: 'not_found' },
      });
    }
  });

  test('[RS5] a draining node is not ready, and alive', async ({ expect }) => {
    const leaving = await TestEngine.start();
    const deaf = await leaving.connect('deaf');
    deaf.ws.pause();
    const sockets = await Promise.all([1, 2].map(() => RawSocket.open(leaving.engine.port, 'GET ')));
    await ask(leaving.engine.port, '/healthz');
    const closing = leaving.engine.close();
    const [ready, alive] = sockets as [RawSocket, RawSocket];
    ready.socket.write('/readyz HTTP/1.0\r\n\r\n');
    alive.socket.write('/healthz HTTP/1.0\r\n\r\n');
    await Promise.all([ready.closed, alive.closed]);
    expect(ready.text).toMatch(/^HTTP\/1\.1 503 [^]*\{"status":"not ready","because":"draining"\}$/);
    expect(alive.text).toMatch(/^HTTP\/1\.1 200 /);
    deaf.terminate();
    await closing;
    await leaving.stop();
  });

  test('[RS5] [RS1] [RS2] without its store it is not ready, refuses, and comes back by itself', async ({
    expect,
  }) => {
    const database = await createDatabase();
    const proxy = await TcpProxy.to(database.url);
    const cut = await TestEngine.start({ databaseUrl: proxy.through(database.url) });
    const token = await cut.token('ann');
    const { port } = cut.engine;
    await expect.poll(async () => (await ask(port, '/readyz')).status, { timeout: 10_000 }).toBe(200);
    proxy.refuse(true);
    const send = () => ask(port, '/v1/rooms/a/messages', { method: 'POST', token, body: { content: 'x' } });
    await expect
      .poll(async () => [(await send()).status, (await ask(port, '/readyz')).status], { timeout: 10_000 })
      .toEqual([503, 503]);
    expect((await ask(port, '/readyz')).body).toEqual({ status: 'not ready', because: 'store' });
    expect((await ask(port, '/readyz?strict')).body).toEqual({
      status: 'not ready',
      because: 'store',
      broken: ['store'],
    });
    expect(await send()).toMatchObject({
      status: 503,
      headers: { 'retry-after': expect.stringMatching(/^[1-9]/) },
      body: { code: 'unavailable', retryAfterMs: expect.any(Number) },
    });
    expect(await ask(port, '/v1/rooms/a/messages', { token })).toMatchObject({
      status: 503,
      body: { code: 'unavailable' },
    });
    expect(await ask(port, '/healthz')).toMatchObject({ status: 200 });
    proxy.refuse(false);
    await expect.poll(async () => (await ask(port, '/readyz')).status, { timeout: 10_000 }).toBe(200);
    await expect.poll(async () => (await send()).status, { timeout: 10_000 }).toBe(201);
    await cut.stop();
    await proxy.close();
    await database.drop();
  }, 60_000);

  test('[RS5] a store that answers and can store nothing more: not ready, and ready again by itself', async ({
    expect,
  }) => {
    const full = await TestEngine.start();
    const { port } = full.engine;
    const ready = async () => (await ask(port, '/readyz')).status;
    await expect.poll(ready).toBe(200);
    const probes = () =>
      full.database.query(`select seq from vagus.messages where channel like 'user:svc:%'`);
    // What it has written is gone again.
    await expect.poll(probes).toEqual([]);
    await full.database.query(`
      create function public.refuse() returns trigger language plpgsql as $$
      begin raise exception 'could not extend file: No space left on device' using errcode = 'disk_full'; end $$;
      create trigger refuse before insert on vagus.messages for each row execute function public.refuse()`);
    await expect.poll(ready, { timeout: 25_000, interval: 200 }).toBe(503);
    expect((await ask(port, '/readyz?strict')).body).toMatchObject({ because: 'store', broken: ['store'] });
    await full.database.query('drop trigger refuse on vagus.messages');
    await expect.poll(ready, { timeout: 15_000, interval: 200 }).toBe(200);
    // Each that gets through is one that was written.
    const head = async () =>
      (
        await full.database.query(
          `select head::int as head from vagus.channels where channel like 'user:svc:%'`,
        )
      )[0]?.['head'];
    await expect.poll(head, { timeout: 15_000 }).toBeGreaterThanOrEqual(2);
    await expect.poll(probes).toEqual([]);
    await full.stop();
  }, 60_000);
});

test.each<[string, Partial<Readiness>, [number, object], [number, object]]>([
  ['all is well', {}, [200, { status: 'ready' }], [200, { status: 'ready' }]],
  [
    'every node is worse off',
    { degraded: ['cluster'], broken: ['redis'] },
    [200, { status: 'ready', degraded: ['cluster'] }],
    [503, { status: 'not ready', because: 'redis', degraded: ['cluster'], broken: ['redis'] }],
  ],
  [
    'this node is worse off',
    { isReady: false, because: 'lease', broken: ['lease'] },
    [503, { status: 'not ready', because: 'lease' }],
    [503, { status: 'not ready', because: 'lease', broken: ['lease'] }],
  ],
])('[RS5] /readyz and /readyz?strict when %s', async (_, readiness, plain, strict) => {
  const app = adminApp({
    readiness: () => ({ isReady: true, degraded: [], broken: [], ...readiness }),
    metrics: async () => ({ contentType: 'text/plain', body: '' }),
    onRefused: () => {},
    onFault: () => {},
  });
  const server = createHttpServer(app);
  const port = await listen(server, LOCAL);
  const answers = [await ask(port, '/readyz'), await ask(port, '/readyz?strict')];
  expect(answers.map(({ status, body }) => [status, body])).toEqual([plain, strict]);
  server.close();
});

test('[ER1] a fault of the engine is 500 internal without details, and is logged', async () => {
  const faults: unknown[] = [];
  const app = adminApp({
    readiness: () => {
      throw new Error('a secret of the inside');
    },
    metrics: async () => ({ contentType: 'text/plain', body: '' }),
    onRefused: () => {},
    onFault: (error) => faults.push(error),
  });
  const server = createHttpServer(app);
  const port = await listen(server, LOCAL);
  const { status, body } = await ask(port, '/readyz');
  expect({ status, body }).toEqual({
    status: 500,
    body: { code: 'internal', message: 'a fault of the node' },
  });
  expect(faults).toMatchObject([{ message: 'a secret of the inside' }]);
  server.close();
});
