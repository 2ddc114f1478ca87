import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { signToken } from '../../src/transport/auth/sign.ts';
import { TestClient } from '../support/client.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { NodeProcess, SECRET } from '../support/node-process.ts';

// How a process leaves, in which order, and in how much time (D15).

let database: TestDatabase;
let token: string;
beforeAll(async () => {
  database = await createDatabase();
  token = await signToken({ user: 'rest', secret: SECRET, ttlMs: 3_600_000 });
});
afterAll(() => database.drop());

const serve = (): Promise<NodeProcess> =>
  NodeProcess.start(['serve'], {
    DATABASE_URL: database.url,
    VAGUS_JWT_SECRET: SECRET,
    VAGUS_ROOMS_AUTO_CREATE: 'on',
  });

/** A message may ask to be stored slowly. */
async function makeSlow(): Promise<void> {
  await database.query(`
    create or replace function slow() returns trigger language plpgsql as $$
    begin
      perform pg_sleep(split_part(new.content, ' ', 2)::float);
      return new;
    end $$`);
  await database.query(
    `create or replace trigger slow before insert on vagus.messages for each row
     when (new.content like 'slow %') execute function slow()`,
  );
}

const sleeping = async (): Promise<number> => {
  const [row] = await database.query(
    `select count(*)::int as n from pg_stat_activity
     where datname = current_database() and application_name = 'vagus' and wait_event = 'PgSleep'`,
  );
  return (row as { n: number }).n;
};

const http = (node: NodeProcess, path: string, init: RequestInit = {}): Promise<Response> =>
  fetch(`http://127.0.0.1:${node.port}${path}`, {
    ...init,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
  });

const send = (node: NodeProcess, room: string, id: string, content: string): Promise<Response> =>
  http(node, `/v1/rooms/${room}/messages`, { method: 'POST', body: JSON.stringify({ id, content }) });

describe.each(['SIGTERM', 'SIGINT'] as const)('%s', (signal) => {
  test('[RS5] [HS3] [CL2] not ready, no new client, answers, then each client its own 4003, then the end with code 0', async () => {
    const node = await serve();
    await makeSlow();
    const order: string[] = [];
    const clients = await Promise.all(Array.from({ length: 5 }, (_, n) => node.connect(`u${n}`)));
    const [first] = clients as [TestClient, ...TestClient[]];
    for (const client of clients) await client.request({ type: 'join', room: 'a' });
    // One is on its way into the store by socket and one by REST when the signal comes.
    const room = `slow-${signal}`;
    const acked = first
      .request({ type: 'chat', room, id: 'by-socket', content: 'slow 2' })
      .then((reply) => order.push(`answered ${reply['type']}`));
    // One after the other: both in one statement could not be told from one that is still on its way here.
    await expect.poll(sleeping).toBe(1);
    const posted = send(node, `${room}-rest`, 'by-rest', 'slow 2').then(async (response) => {
      order.push(`posted ${response.status}`);
      return response.json();
    });
    await expect.poll(sleeping).toBe(2);
    const told = performance.now();
    node.child.kill(signal);
    const closed = clients.map((client) =>
      client.closed.then((close) => {
        order.push(client === first ? 'first closed' : 'closed');
        return close;
      }),
    );

    // From the first moment to the last that anybody listens.
    await expect.poll(async () => (await http(node, '/readyz')).status).toBe(503);
    order.push('not ready');
    expect(await (await http(node, '/readyz')).json()).toMatchObject({ because: 'draining' });
    expect((await fetch(`http://127.0.0.1:${node.adminPort}/readyz?strict`)).status).toBe(503);
    expect((await http(node, '/healthz')).status).toBe(200);
    expect(await TestClient.refused(node.url, { token })).toMatchObject({
      status: 503,
      headers: { 'retry-after': '1' },
      body: { code: 'draining', retryAfterMs: expect.any(Number) },
    });
    for (const refused of [await http(node, '/ws'), await send(node, 'a', 'late', 'late')]) {
      expect(refused.status).toBe(503);
      expect(await refused.json()).toMatchObject({ code: 'draining' });
    }
    order.push('nobody new');

    await acked;
    const closes = await Promise.all(closed);
    expect(await posted).toMatchObject({ id: 'by-rest', seq: 1 });
    const ended = await node.ended;
    order.push('ended');
    expect(ended).toMatchObject({ code: 0, signal: null });
    expect(performance.now() - told).toBeLessThan(25_000);

    expect(new Set(closes.map(({ code }) => code))).toEqual(new Set([4003]));
    const slots = closes.map(({ reason }) => (JSON.parse(reason) as { retryAfterMs: number }).retryAfterMs);
    expect(new Set(slots).size).toBe(clients.length);
    for (const [at, client] of clients.entries())
      expect(client.notifications('draining').map(({ data }) => data)).toEqual([{ retryAfterMs: slots[at] }]);
    // Who waits for nothing goes at once; who waits is answered first, while nobody new is let in.
    const at = (event: string): number => order.indexOf(event);
    expect(order.lastIndexOf('closed')).toBeLessThan(at('answered ack'));
    expect(at('nobody new')).toBeLessThan(at('answered ack'));
    expect(at('answered ack')).toBeLessThan(at('first closed'));
    expect(at('first closed')).toBeLessThan(at('ended'));
    expect(at('posted 201')).toBeGreaterThan(at('nobody new'));
    const rows = await database.query(
      `select id from vagus.messages where channel like 'room:${room}%' order by id`,
    );
    expect(rows).toEqual([{ id: 'by-rest' }, { id: 'by-socket' }]);
  }, 60_000);
});

test('a store that hangs does not hold it up: it ends with code 0 in less than 25 s, and says nothing untrue', async () => {
  const node = await serve();
  await makeSlow();
  const client = await node.connect('u');
  await client.request({ type: 'chat', room: 'hung', id: 'before', content: 'before' });
  client.send({ type: 'chat', room: 'hung', id: 'hanging', content: 'slow 60' });
  await expect.poll(sleeping).toBeGreaterThan(0);
  const told = performance.now();
  const ended = node.terminate();
  expect(await client.closed).toMatchObject({ code: 4003 });
  expect(await ended).toMatchObject({ code: 0 });
  expect(performance.now() - told).toBeLessThan(25_000);
  // The store undid it when its statement took too long; nobody was told that it is stored.
  expect(client.frames.some((frame) => frame['type'] === 'ack' && frame['id'] === 'hanging')).toBe(false);
}, 60_000);

test('the next process goes on where it was, and clients come back to it with nothing lost', async () => {
  const node = await serve();
  const client = await node.connect('back');
  await client.request({ type: 'join', room: 'on' });
  for (let n = 1; n <= 3; n++)
    await client.request({ type: 'chat', room: 'on', id: `m${n}`, content: `m${n}` });
  expect((await node.terminate()).code).toBe(0);
  const next = await serve();
  const again = await next.connect('back');
  expect(await again.request({ type: 'resume', channels: { 'room:on': 1 } })).toMatchObject({
    channels: { 'room:on': { seq: 3 } },
  });
  await again.chat('on', 'm3');
  expect(again.chats('on')).toEqual(['2 m2', '3 m3']);
  expect((await next.terminate()).code).toBe(0);
}, 60_000);
