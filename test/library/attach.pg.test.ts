import { once } from 'node:events';
import { createServer, request as httpRequest, type IncomingMessage, type Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { createEngine } from '../../src/index.ts';
import { TestClient } from '../support/client.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { ask, upgrade } from '../support/http.ts';
import { Library, ownServer, portOf, QUIET, tokenOf } from '../support/own-server.ts';

let database: TestDatabase;
const open: { stop(): Promise<void> }[] = [];
const servers: Server[] = [];

beforeAll(async () => {
  database = await createDatabase();
});
afterEach(async () => {
  for (const library of open.splice(0)) await library.stop();
  for (const server of servers.splice(0)) {
    server.close();
    server.closeAllConnections();
  }
});
afterAll(() => database.drop());

async function attached(server: Server): Promise<Library> {
  servers.push(server);
  const library = await Library.start({ server, databaseUrl: database.url });
  open.push(library);
  return library;
}

const emitOf = (server: Server): unknown => Reflect.get(server, 'emit');

/** The text of an answer. */
async function text(port: number, path: string, headers: Record<string, string> = {}): Promise<string> {
  const request = httpRequest({ port, path, agent: false, headers });
  request.end();
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return `${response.statusCode} ${Buffer.concat(chunks).toString()}`;
}

describe('on a server of one’s own', () => {
  test('our paths are ours, everything else is the application’s, answered once each', async () => {
    const heard: string[] = [];
    const server = await ownServer((request, response) => {
      heard.push(request.url ?? '');
      response.end(`own ${request.url}`);
    });
    const { engine } = await attached(server);
    const port = portOf(server);
    expect(engine.port).toBe(port);
    expect(engine.url).toBe(`ws://127.0.0.1:${port}/ws`);
    expect(engine.adminPort).toBe(0);
    // One who comes later hears of ours no more than one who was there.
    server.on('request', ({ url }) => heard.push(`later ${url}`));

    for (const path of ['/', '/wsx', '/ws/', '/v1', '/v2/rooms', '/healthz/x', '/metrics'])
      expect(await text(port, path)).toBe(`200 own ${path}`);
    const theirs = heard.splice(0);
    expect(theirs).toHaveLength(14);

    expect(await ask(port, '/healthz?x')).toMatchObject({ status: 200, body: { status: 'alive' } });
    expect((await ask(port, '/readyz')).body['status']).toMatch(/ready/);
    expect((await ask(port, '/v1/rooms/a/messages')).status).toBe(401);
    expect((await ask(port, '/v1/nothing')).body).toMatchObject({ code: 'not_found' });
    expect((await ask(port, '/ws')).status).toBe(401);
    expect(heard).toEqual([]);
  });

  test('[HS1] [RQ4] sockets and REST work as on a server of the engine’s own', async () => {
    const library = await attached(await ownServer());
    const ann = await library.join('ann', 'attached');
    expect(await library.post('ben', 'attached', { content: 'by REST' })).toMatchObject({ status: 201 });
    expect(await ann.request({ type: 'chat', room: 'attached', content: 'by socket' })).toMatchObject({
      seq: 2,
    });
    await ann.chat('attached', 'by socket');
    // A body that is announced, on a server that has no opinion on that and on one that has.
    const server = await ownServer();
    server.on('checkContinue', (_request, response) => response.writeHead(417).end());
    const other = await attached(server);
    const headers = { expect: '100-continue' };
    const body = { content: 'announced' };
    const path = '/v1/rooms/attached/messages';
    for (const { engine } of [library, other])
      expect(
        await ask(engine.port, path, { method: 'POST', body, headers, token: await tokenOf('ann') }),
      ).toMatchObject({ status: 201 });
    expect(await text(other.engine.port, '/', headers)).toBe('417 ');
  });

  test('an upgrade of another path is 404 without another listener, else it is left to the application', async () => {
    const server = await ownServer();
    await attached(server);
    const port = portOf(server);
    expect(await upgrade(port, '/other')).toMatchObject({ status: 404, body: { code: 'not_found' } });

    const wss = new WebSocketServer({ noServer: true });
    const paths: string[] = [];
    server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      paths.push(request.url ?? '');
      if (request.url === '/other') wss.handleUpgrade(request, socket, head, (ws) => ws.send('theirs'));
      else socket.destroy();
    });
    const theirs = new WebSocket(`ws://127.0.0.1:${port}/other`);
    const [said] = (await once(theirs, 'message')) as [Buffer];
    expect(said.toString()).toBe('theirs');
    theirs.close();
    const ours = await TestClient.open(`ws://127.0.0.1:${port}/ws`, { token: await tokenOf('ann') });
    await ours.welcome();
    ours.terminate();
    expect(paths).toEqual(['/other']);
  });

  test('an offer of h2c is no upgrade: a page is a page, and health is health', async () => {
    const server = await ownServer();
    await attached(server);
    const offer = { connection: 'Upgrade, HTTP2-Settings', upgrade: 'h2c', 'http2-settings': 'AAMAAABk' };
    expect(await text(portOf(server), '/page', offer)).toBe('200 own /page');
    expect(await text(portOf(server), '/healthz', offer)).toBe('200 {"status":"alive"}');
  });

  test('closing ends our clients and requests, and leaves the server as it was', async () => {
    const server = await ownServer();
    const emit = emitOf(server);
    const library = await attached(server);
    const port = portOf(server);
    const ann = await library.join('ann', 'closing');
    const closing = library.engine.close();
    expect(await ann.closed).toMatchObject({ code: 4003 });
    await closing;
    expect(emitOf(server)).toBe(emit);
    expect(server.listenerCount('upgrade')).toBe(0);
    expect(server.listening).toBe(true);
    for (const path of ['/', '/ws', '/healthz', '/v1/rooms'])
      expect(await text(port, path)).toBe(`200 own ${path}`);
    // And may have another.
    const next = await attached(server);
    await next.connect('ann');
  });

  test('[HS3] until it has left, an engine says that it goes; pages are served meanwhile', async () => {
    const server = await ownServer();
    const library = await attached(server);
    const ann = await library.connect('ann');
    const closing = library.engine.close();
    const answer = ask(portOf(server), '/v1/rooms/a/messages');
    expect(await text(portOf(server), '/page')).toBe('200 own /page');
    expect(await answer).toMatchObject({ status: 503, body: { code: 'draining' } });
    await ann.closed;
    await closing;
  });

  test('a server has one engine, and a start that fails leaves it alone', async () => {
    const server = await ownServer();
    await attached(server);
    await expect(createEngine({ ...QUIET, server, databaseUrl: database.url })).rejects.toThrow(
      /the server has an engine already/,
    );
    const other = await ownServer();
    servers.push(other);
    const emit = emitOf(other);
    const adminPort = portOf(server);
    await expect(
      createEngine({ ...QUIET, server: other, databaseUrl: database.url, adminPort }),
    ).rejects.toMatchObject({
      name: 'ListenError',
      code: 'port_taken',
      message: `port ${adminPort} is taken: set VAGUS_ADMIN_PORT (adminPort) to another one`,
      cause: { code: 'EADDRINUSE' },
    });
    expect(emitOf(other)).toBe(emit);
    expect(await text(portOf(other), '/healthz')).toBe('200 own /healthz');
  });

  test('a server may begin to listen later', async () => {
    const server = createServer((_request, response) => response.end('own'));
    const { engine } = await attached(server);
    expect(engine.port).toBe(0);
    await new Promise<void>((resolve) => server.listen(0, resolve));
    expect(engine.port).toBe(portOf(server));
    const client = await TestClient.open(engine.url, { token: await tokenOf('ann') });
    await client.welcome();
    client.terminate();
  });
});

test('two engines in one process know nothing of each other', async () => {
  const [one, two] = [
    await Library.start({ databaseUrl: database.url, host: '127.0.0.1', port: 0, node: 'one' }),
    await attached(await ownServer()),
  ];
  open.push(one);
  expect(one.engine.port).not.toBe(two.engine.port);
  const ann = await one.join('ann', 'two');
  const ben = await two.connect('ben');
  await one.engine.publishToUser('ann', { n: 1 });
  await ann.type('notification', 'user_event');
  expect(ann.welcomed['node']).toBe('one');
  await ben.fence();
  const counted = async (library: Library): Promise<string | undefined> =>
    /^vagus_connections (\d+)$/m.exec(await library.engine.metrics())?.[1];
  expect([await counted(one), await counted(two)]).toEqual(['1', '1']);
  await one.engine.close();
  await ben.request({ type: 'join', room: 'still-here' });
});

test('an admin port is there when it is asked for', async () => {
  const library = await Library.start({
    databaseUrl: database.url,
    adminPort: 0,
  });
  open.push(library);
  expect(library.engine.adminPort).toBeGreaterThan(0);
  const scraped = await fetch(`http://127.0.0.1:${library.engine.adminPort}/metrics`);
  expect(await scraped.text()).toContain('vagus_connections 0');
});
