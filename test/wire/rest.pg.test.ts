import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createDatabase } from '../support/database.ts';
import { TestEngine } from '../support/engine.ts';
import { ask, RawSocket, type HttpAnswer, type HttpRequest } from '../support/http.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';

let node: TestEngine;
let rooms = 0;
const newRoom = (): string => `rest-${++rooms}`;
beforeAll(async () => {
  node = await TestEngine.start();
});
afterAll(() => node.stop());

type As = HttpRequest & { readonly as?: string; readonly scope?: string; readonly engine?: TestEngine };

async function call(
  path: string,
  { as = 'ann', scope, engine = node, ...request }: As = {},
): Promise<HttpAnswer> {
  const token = await engine.token(as, scope === undefined ? {} : { scope });
  return ask(engine.engine.port, path, { token, ...request });
}

const post = (room: string, body: unknown, more: As = {}): Promise<HttpAnswer> =>
  call(`/v1/rooms/${room}/messages`, { method: 'POST', body, ...more });

describe('[RS1] sending', () => {
  test('[RS1] 201 with room, id, seq and timestamp; a joined user gets it as a chat', async () => {
    const room = newRoom();
    const ben = await node.join('ben', room);
    const sent = await post(room, {
      id: 'x',
      content: 'hi',
      data: { a: 1 },
      timestamp: '2026-01-02T03:04:05+01:00',
    });
    expect(sent).toMatchObject({
      status: 201,
      headers: { 'content-type': expect.stringContaining('application/json') },
    });
    expect(sent.body).toEqual({
      room,
      id: 'x',
      seq: 1,
      timestamp: expect.stringMatching(/^\d{4}-.*\.\d{3}Z$/),
    });
    expect(await ben.chat(room, 'hi')).toEqual({
      type: 'chat',
      room,
      seq: 1,
      id: 'x',
      from: 'ann',
      content: 'hi',
      data: { a: 1 },
      timestamp: sent.body['timestamp'],
      sentAt: '2026-01-02T02:04:05.000Z',
    });
  });

  test('[RS1] [FR4] without an id it gets one of the server’s', async () => {
    const { body } = await post(newRoom(), { content: 'hi' });
    expect(body['id']).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7/);
  });

  test('[RS1] [DG4] the same id is stored once: 200 with duplicate, whichever way it came first', async () => {
    const room = newRoom();
    const ann = await node.join('ann', room);
    const first = await post(room, { id: 'k', content: 'first' });
    expect(first.status).toBe(201);
    expect(await post(room, { id: 'k', content: 'second' })).toMatchObject({
      status: 200,
      body: { ...first.body, duplicate: true },
    });
    const byHeader = await post(room, { content: 'third' }, { headers: { 'Idempotency-Key': 'k' } });
    expect(byHeader).toMatchObject({ status: 200, body: { seq: 1, id: 'k', duplicate: true } });
    expect(await ann.request({ type: 'chat', id: 'k', room, content: 'fourth' })).toMatchObject({
      type: 'ack',
      seq: 1,
      duplicate: true,
    });

    const bySocket = await ann.request({ type: 'chat', id: 's', room, content: 'by socket' });
    expect(await post(room, { id: 's', content: 'by socket' })).toMatchObject({
      status: 200,
      body: { seq: bySocket['seq'], timestamp: bySocket['timestamp'], duplicate: true },
    });
    expect(await post(room, { id: 'k', content: 'of another user' }, { as: 'ben' })).toMatchObject({
      status: 201,
      body: { seq: 3 },
    });
    await ann.chat(room, 'of another user');
    expect(ann.chats(room)).toEqual(['1 first', '2 by socket', '3 of another user']);
  });

  test('[RS1] a hundred at once with one id are stored once', async () => {
    const room = newRoom();
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, at) => post(room, { id: 'same', content: `${at}` })),
    );
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    expect(answers.filter(({ status, body }) => status === 200 && body['duplicate'] === true)).toHaveLength(
      99,
    );
    expect(new Set(answers.map(({ body }) => body['seq']))).toEqual(new Set([1]));
  });

  test('[RS1] an id in both body and Idempotency-Key must be the same', async () => {
    const room = newRoom();
    const both = (key: string) =>
      post(room, { id: 'a', content: 'x' }, { headers: { 'idempotency-key': key } });
    expect(await both('b')).toMatchObject({
      status: 400,
      body: { code: 'bad_request', message: expect.stringMatching(/^id: .*Idempotency-Key/) },
    });
    expect(await both('a')).toMatchObject({ status: 201 });
  });

  test.each<[string, string, unknown]>([
    ['content', 'no content', {}],
    ['content', 'an empty content', { content: '' }],
    ['content', 'a content that is no text', { content: 5 }],
    ['data', 'data that is no object', { content: 'x', data: [1] }],
    ['id', 'an id with a blank', { content: 'x', id: 'a b' }],
    ['timestamp', 'a time that is none', { content: 'x', timestamp: 'yesterday' }],
    ['content', 'U+0000', '{"content":"a\\u0000b"}'],
    ['content', 'an unpaired surrogate', '{"content":"\\ud800"}'],
    ['data', 'U+0000 in a key of data', '{"content":"x","data":{"\\u0000":1}}'],
    ['data', 'a nesting bomb', `{"content":"x","data":${'{"a":'.repeat(40)}1${'}'.repeat(40)}}`],
    [
      'other',
      'a nesting bomb in a field that nobody reads',
      `{"content":"x","other":${'['.repeat(20_000)}${']'.repeat(20_000)}}`,
    ],
    ['data', 'a number out of range', '{"content":"x","data":{"a":1e999}}'],
  ])('[RS1] [FR3] [FR8] [RQ4] names the field %s: %s', async (field, _, body) => {
    const { status, body: answer } = await post(newRoom(), body);
    expect({ status, code: answer['code'] }).toEqual({ status: 400, code: 'bad_request' });
    expect(answer['message']).toMatch(new RegExp(`^${field}: `));
  });

  test.each<[string, unknown, Record<string, string>]>([
    ['no body', undefined, { 'content-type': 'application/json' }],
    ['malformed JSON', '{"content":', {}],
    ['a list', [], {}],
    ['null', 'null', {}],
    ['what is not UTF-8', Buffer.from([0x22, 0xff, 0x22]), {}],
    ['another content type', '{"content":"x"}', { 'content-type': 'text/plain' }],
    ['a form', 'content=x', { 'content-type': 'application/x-www-form-urlencoded' }],
    ['a compressed body', '{"content":"x"}', { 'content-encoding': 'gzip' }],
    ['a key that is no id', { content: 'x' }, { 'idempotency-key': 'a b' }],
  ])('[RS1] %s is 400 bad_request', async (_, body, headers) => {
    expect(await post(newRoom(), body, { headers })).toMatchObject({
      status: 400,
      body: { code: 'bad_request', message: expect.any(String) },
    });
  });

  test('[RS1] a room’s name that is none is 400 bad_request', async () => {
    for (const name of ['a.b', 'x'.repeat(65), 'caf%C3%A9', '%E0%A4%A', 'a%2Fb']) {
      expect(await post(name, { content: 'x' })).toMatchObject({
        status: 400,
        body: { code: 'bad_request', message: expect.stringMatching(/^room: /) },
      });
    }
  });

  test('[RS1] [LM1] a body over the limit is 413 too_large, declared or not, and one just inside is stored', async () => {
    const max = 65_536;
    const fitting = (bytes: number): string => `{"content":"${'x'.repeat(bytes - '{"content":""}'.length)}"}`;
    expect(await post(newRoom(), fitting(max))).toMatchObject({ status: 201 });
    const declared = await post(newRoom(), fitting(max + 1));
    expect(declared).toMatchObject({ status: 413, body: { code: 'too_large' } });
    const chunked = await post(newRoom(), fitting(max + 1), { headers: { 'transfer-encoding': 'chunked' } });
    expect(chunked).toMatchObject({ status: 413, body: { code: 'too_large' } });
  });

  test('[RS1] [FR3] unknown fields are ignored, and __proto__ does no harm', async () => {
    const room = newRoom();
    const body =
      '{"content":"x","surprise":1,"__proto__":{"a":1},"data":{"__proto__":{"b":2},"constructor":1}}';
    expect(await post(room, body)).toMatchObject({ status: 201 });
    const { body: page } = await call(`/v1/rooms/${room}/messages`);
    expect(JSON.stringify(page['messages'][0].data)).toBe('{"__proto__":{"b":2},"constructor":1}');
  });
});

describe('rights', () => {
  test('[RS1] [RS2] [JW4] a private room is written and read by members and admins only', async () => {
    const room = newRoom();
    const ann = await node.connect('ann');
    await ann.request({ type: 'create', room, access: 'private' });
    expect(await post(room, { content: 'mine' })).toMatchObject({ status: 201 });
    for (const method of ['POST', 'GET']) {
      const body = method === 'POST' ? { content: 'x' } : undefined;
      const path = `/v1/rooms/${room}/messages`;
      expect(await call(path, { method, body, as: 'ben' })).toMatchObject({
        status: 403,
        body: { code: 'forbidden' },
      });
      const admin = await call(path, { method, body, as: 'ada', scope: 'vagus:admin' });
      expect(admin.status).toBe(method === 'POST' ? 201 : 200);
    }
  });

  test('[RS1] [JW4] [DG4] a removed user who posts a stored message again gets the seq of the first one', async () => {
    const room = newRoom();
    const ann = await node.connect('ann');
    await ann.request({ type: 'create', room, access: 'private', members: ['ben'] });
    const path = `/v1/rooms/${room}/messages`;
    const again = { method: 'POST', body: { id: 'in-time', content: 'x' }, as: 'ben' };
    expect(await call(path, again)).toMatchObject({ status: 201, body: { seq: 1 } });
    await node.engine.setMember(room, 'ben', false);
    expect(await call(path, again)).toMatchObject({ status: 200, body: { seq: 1, duplicate: true } });
    const late = { ...again, body: { id: 'too-late', content: 'x' } };
    expect(await call(path, late)).toMatchObject({ status: 403, body: { code: 'forbidden' } });
  });

  test('[RS1] [RS2] a deleted room is 410 gone', async () => {
    const room = newRoom();
    await post(room, { content: 'x' });
    await node.engine.deleteRoom(room);
    expect(await post(room, { content: 'x' })).toMatchObject({ status: 410, body: { code: 'gone' } });
    expect(await call(`/v1/rooms/${room}/messages`)).toMatchObject({ status: 410, body: { code: 'gone' } });
  });

  test('[RS1] [RS2] [FR7] a room that there is not: 404 not_found, unless rooms are made automatically', async () => {
    const strict = await TestEngine.start({ roomsAutoCreate: false });
    expect(await post('none', { content: 'x' }, { engine: strict })).toMatchObject({
      status: 404,
      body: { code: 'not_found' },
    });
    expect(await call('/v1/rooms/none/messages', { engine: strict })).toMatchObject({ status: 404 });
    await strict.stop();
    expect((await call(`/v1/rooms/${newRoom()}/messages`)).body).toMatchObject({ messages: [], more: false });
  });

  test.each([
    ['/v1/rooms/a/messages', 'POST'],
    ['/v1/rooms/a/messages', 'GET'],
    ['/v1/channels/user/messages', 'GET'],
  ])('[HS3] %s %s without a token, or with a bad one, is 401 unauthorized', async (path, method) => {
    for (const headers of [{}, { authorization: 'Bearer x.y.z' }, { authorization: 'Basic YTpi' }]) {
      const refused = await ask(node.engine.port, path, { method, headers });
      expect(refused).toMatchObject({
        status: 401,
        headers: { 'www-authenticate': 'Bearer' },
        body: { code: 'unauthorized' },
      });
    }
  });

  test('[JW5] a session that was ended is 401 unauthorized', async () => {
    const token = await node.token('ann', { session: 'over' });
    const path = '/v1/channels/user/messages';
    expect(await ask(node.engine.port, path, { token })).toMatchObject({ status: 200 });
    await node.engine.revoke({ session: 'over' });
    expect(await ask(node.engine.port, path, { token })).toMatchObject({ status: 401 });
  });
});

describe('[RS2] reading', () => {
  const room = 'rest-history';
  beforeAll(async () => {
    for (let at = 1; at <= 60; at++) await post(room, { id: `m${at}`, content: `${at}` });
  });
  const read = async (query: string): Promise<HttpAnswer> => call(`/v1/rooms/${room}/messages${query}`);
  const contents = ({ body }: HttpAnswer): number[] =>
    (body['messages'] as { content: string }[]).map(({ content }) => Number(content));
  const range = (from: number, to: number): number[] =>
    Array.from({ length: to - from + 1 }, (_, at) => from + at);

  test('[RS2] is what history answers: the newest, after, before, and how many', async () => {
    const newest = await read('');
    expect(newest.body).toMatchObject({ channel: `room:${room}`, room, more: true });
    expect(contents(newest)).toEqual(range(11, 60));
    const client = await node.connect('ann');
    for (const query of [
      {},
      { after: 10, limit: 5 },
      { before: 10, limit: 5 },
      { after: 55 },
      { after: 0, limit: 200 },
    ]) {
      const { type: _type, id: _id, ...known } = await client.request({ type: 'history', room, ...query });
      const search = Object.entries(query).map(([name, value]) => `${name}=${value}`);
      const answer = await read(`?${search.join('&')}`);
      expect(answer).toMatchObject({ status: 200, headers: { 'cache-control': 'no-store' } });
      expect(answer.body).toEqual(known);
    }
  });

  test.each([
    ['after', '?after=-1'],
    ['after', '?after=1.5'],
    ['after', '?after='],
    ['after', '?after=1e3'],
    ['after', '?after=99999999999999999999'],
    ['after', '?after=9999999999999999'],
    ['after', '?after=1&after=2'],
    ['before', '?before=x'],
    ['before', '?after=1&before=5'],
    ['limit', '?limit=0'],
    ['limit', '?limit=201'],
    ['limit', '?limit=many'],
  ])('[RS2] names %s: %s is 400 bad_request', async (field, query) => {
    expect(await read(query)).toMatchObject({
      status: 400,
      body: { code: 'bad_request', message: expect.stringMatching(new RegExp(`^${field}: `)) },
    });
  });

  test('[RS2] broadcast, and the user’s own channel; no other user’s can be named', async () => {
    await node.engine.publishToUser('una', { n: 1 }, 'u1');
    await node.engine.broadcast({ n: 2 }, 'b1');
    const own = await call('/v1/channels/user/messages', { as: 'una' });
    expect(own.body).toMatchObject({
      channel: 'user',
      messages: [{ type: 'notification', action: 'user_event', seq: 1, id: 'u1', data: { n: 1 } }],
      more: false,
    });
    expect((await call('/v1/channels/user/messages', { as: 'vic' })).body['messages']).toEqual([]);
    const all = await call('/v1/channels/broadcast/messages?limit=1', { as: 'vic' });
    expect(all.body).toMatchObject({ channel: 'broadcast', messages: [{ action: 'broadcast', id: 'b1' }] });
    for (const name of ['user:una', 'room:a', 'other']) {
      expect(await call(`/v1/channels/${name}/messages`, { as: 'vic' })).toMatchObject({ status: 400 });
    }
  });

  test('[RS2] HEAD is GET without a body', async () => {
    const answer = await call(`/v1/rooms/${room}/messages`, { method: 'HEAD' });
    expect(answer).toMatchObject({ status: 200, body: {} });
  });
});

describe('paths', () => {
  test.each([
    ['/', 'GET'],
    ['/v1', 'GET'],
    ['/v1/nothing', 'GET'],
    ['/v1/rooms/a/messages', 'DELETE'],
    ['/v1/rooms/a/messages/', 'GET'],
    ['/metrics', 'GET'],
    ['/healthz', 'POST'],
  ])('[RS1] %s %s is 404 not_found, token or not', async (path, method) => {
    expect(await ask(node.engine.port, path, { method })).toMatchObject({
      status: 404,
      body: { code: 'not_found', message: expect.stringContaining(method) },
    });
  });

  test('[RS1] a request that is no HTTP, or has no usable host, is 400 bad_request', async () => {
    for (const text of [
      'hello\r\n\r\n',
      'GET /healthz HTTP/1.1\r\nHost: a/b@c\r\nConnection: close\r\n\r\n',
    ]) {
      const raw = await RawSocket.open(node.engine.port, text);
      await raw.closed;
      expect(raw.text).toMatch(
        /^HTTP\/1\.1 400 Bad Request\r\n[^]*\r\n\r\n\{"code":"bad_request","message":"/,
      );
    }
  });

  test('[RS1] [RS2] /v1/openapi.json names the routes and their schemas, without a token', async () => {
    const { status, body } = await ask(node.engine.port, '/v1/openapi.json');
    expect({ status, version: body['openapi'] }).toEqual({ status: 200, version: '3.1.0' });
    expect(Object.keys(body['paths']).toSorted()).toEqual([
      '/v1/channels/{channel}/messages',
      '/v1/rooms/{room}/messages',
    ]);
    const { post: send, get: page } = body['paths']['/v1/rooms/{room}/messages'];
    const schema = send.requestBody.content['application/json'].schema;
    expect(Object.keys(schema.properties)).toEqual(['id', 'content', 'data', 'timestamp']);
    expect(schema).toMatchObject({ required: ['content'], properties: { data: { type: 'object' } } });
    expect(Object.keys(send.responses)).toEqual(['200', '201', 'default']);
    expect(page.parameters).toContainEqual({
      in: 'query',
      name: 'limit',
      required: false,
      schema: { type: 'integer', minimum: 1, maximum: 200 },
    });
    expect(body['components'].securitySchemes).toEqual({ bearer: { type: 'http', scheme: 'bearer' } });
  });
});

describe('[RS7] requests a minute', () => {
  test('[RS7] of a user, messages apart; then 429 rate_limited with Retry-After', async () => {
    const limited = await TestEngine.start({ requestsPerMinute: 3 });
    const read = (as: string) => call('/v1/channels/user/messages', { as, engine: limited });
    const write = (body: unknown) => post('a', body, { engine: limited });
    expect([(await read('ann')).status, (await read('ann')).status]).toEqual([200, 200]);
    // What is no message costs a request, what is one does not.
    expect((await write({})).status).toBe(400);
    const refused = await read('ann');
    expect(refused).toMatchObject({
      status: 429,
      body: { code: 'rate_limited', retryAfterMs: expect.any(Number) },
    });
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(50);
    expect(Number(refused.headers['retry-after'])).toBeLessThanOrEqual(60);
    expect((await write({})).status).toBe(429);
    for (let at = 0; at < 5; at++) expect((await write({ content: 'x' })).status).toBe(201);
    expect((await read('ben')).status).toBe(200);
    const metrics = await fetch(`http://127.0.0.1:${limited.engine.adminPort}/metrics`);
    expect(await metrics.text()).toContain('vagus_http_refused_total{code="rate_limited"} 2');
    await limited.stop();
  });

  test('[RS7] [LM2] a client that goes on over the limit of messages is refused before the body is read', async () => {
    const limited = await TestEngine.start({ requestsPerMinute: 3, messagesPerMinute: 1 });
    const token = await limited.token('ann');
    const write = () => post('a', { content: 'x' }, { engine: limited });
    expect((await write()).status).toBe(201);
    for (let at = 0; at < 3; at++) expect((await write()).status).toBe(429);
    // The head alone: an answer comes although no body does.
    const { port } = limited.engine;
    const head = `POST /v1/rooms/a/messages HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nContent-Length: 60000\r\n\r\n`;
    const began = performance.now();
    const raw = await RawSocket.open(port, head);
    await expect.poll(() => raw.text).toMatch(/^HTTP\/1\.1 429 [^]*"code":"rate_limited"/);
    // Nor at once: each connection may ask again with the answer.
    expect(performance.now() - began).toBeGreaterThanOrEqual(250);
    raw.socket.destroy();
    expect((await call('/v1/channels/user/messages', { as: 'ann', engine: limited })).status).toBe(200);
    await limited.stop();
  });
});

test('[RS1] [DG4] [ER2] a database that hangs after the statement was sent: 504 outcome_unknown, and the same id settles it', async () => {
  const database = await createDatabase();
  const proxy = await TcpProxy.to(database.url);
  const hung = await TestEngine.start({ databaseUrl: proxy.through(database.url) });
  const send = (id: string, content: string) => post('hang', { id, content }, { engine: hung });
  expect(await send('before', 'x')).toMatchObject({ status: 201 });
  const seen = proxy.seen('toServer', 'the one in doubt');
  const answer = send('doubt', 'the one in doubt');
  await seen;
  proxy.hold('toClient');
  const started = performance.now();
  expect(await answer).toMatchObject({
    status: 504,
    body: { code: 'outcome_unknown', retryAfterMs: expect.any(Number) },
  });
  expect(performance.now() - started).toBeLessThan(11_000);
  proxy.cut();
  proxy.release('toClient');
  await expect
    .poll(async () => [200, 201].includes((await send('doubt', 'again')).status), { timeout: 20_000 })
    .toBe(true);
  const rows = await database.query(`select content from vagus.messages where id = 'doubt'`);
  expect(rows).toHaveLength(1);
  await hung.stop();
  await proxy.close();
  await database.drop();
}, 60_000);
