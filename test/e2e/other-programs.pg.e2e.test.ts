import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Frame, TestClient } from '../support/client.ts';
import { Nodes } from '../support/nodes.ts';
import { ROOT } from '../support/source.ts';

// Programs that speak with nodes by Redis only: `redis-cli`, and Python with its standard library (examples/redis).

const run = promisify(execFile);
const DAY_MS = 24 * 3_600_000;

let nodes: Nodes;
beforeAll(async () => {
  nodes = await Nodes.start(['a', 'b'], { VAGUS_REDIS_EGRESS: 'on' });
});
afterAll(() => nodes.stop());

const environment = (): NodeJS.ProcessEnv => ({ ...process.env, REDIS_URL: nodes.redis.url });
const redisCli = (): Promise<unknown> => run(`${ROOT}examples/redis/publish.sh`, { env: environment() });
const python = (...args: readonly string[]): Promise<string> =>
  run('python3', [`${ROOT}examples/redis/vagus_redis.py`, ...args], { env: environment() }).then(
    ({ stdout }) => stdout.trim(),
  );

/** A client has its channels in an order of their own, so any of its frames may be the one. */
const pushed = (client: TestClient, action: string): Frame | undefined =>
  client.frames.find((frame) => frame['action'] === action);

/** How often homes have decided so about a publication, on all nodes. */
async function results(result: string): Promise<number> {
  const texts = await Promise.all(nodes.all.map((node) => node.metrics()));
  const line = new RegExp(`^vagus_redis_publications_total\\{result="${result}"\\} (\\d+)$`, 'm');
  return texts.reduce((sum, text) => sum + Number(line.exec(text)?.[1]), 0);
}

const publish = (channel: string, publication: object | string): Promise<unknown> =>
  nodes.redis.call(
    'publish',
    channel,
    typeof publication === 'string' ? publication : JSON.stringify(publication),
  );

const chat = (room: string, message: object, more: object = {}): object => ({
  channel: `room:${room}`,
  type: 'chat_message',
  message: JSON.stringify(message),
  ...more,
});

async function joined(node: string, user: string, room: string): Promise<TestClient> {
  const client = await nodes.get(node).connect(user);
  expect(await client.request({ type: 'join', room })).toMatchObject({ type: 'ack' });
  return client;
}

describe('what other programs publish', () => {
  test('[RC1] redis-cli: a message, an event and a broadcast reach clients on each node, and are stored once', async () => {
    const clients = [await joined('a', 'ann', 'lobby'), await joined('b', 'bob', 'lobby')] as const;
    const [ann] = clients;
    await redisCli();
    for (const client of clients) {
      expect(await client.type('chat')).toMatchObject({
        room: 'lobby',
        from: 'svc:billing',
        id: 'parcel-1',
        content: 'your parcel is on its way',
      });
      await client.until(() => pushed(client, 'broadcast') !== undefined);
      expect(pushed(client, 'broadcast')).toMatchObject({ id: 'sale-1', data: { sale: true } });
    }
    await ann.until(() => pushed(ann, 'user_event') !== undefined);
    expect(pushed(ann, 'user_event')).toMatchObject({ id: 'balance-1', data: { balance: 12 } });
    expect(await results('stored')).toBe(3);
    await redisCli();
    await expect.poll(() => results('duplicate')).toBe(3);
    const { messages } = await ann.request({ type: 'history', room: 'lobby' });
    expect(messages).toHaveLength(1);
    for (const client of clients) await client.close();
  });

  test('[RC1] one without an id is stored once by its time; its time is sentAt', async () => {
    const ann = await joined('a', 'ann', 'timed');
    const [first, second] = [1_790_000_000_000, 1_790_000_000_001];
    for (const timestamp of [first, first, second])
      await publish('room:timed', chat('timed', { content: 'hi' }, { timestamp }));
    await ann.until(() => ann.chats('timed').length === 2);
    const { messages } = await ann.request({ type: 'history', room: 'timed' });
    expect((messages as Frame[]).map(({ from, sentAt }) => [from, sentAt])).toEqual([
      ['svc:redis', new Date(first).toISOString()],
      ['svc:redis', new Date(second).toISOString()],
    ]);
    await ann.close();
  });

  test('[RC3] malformed ones are counted and dropped, and the next one is stored', async () => {
    const ann = await joined('b', 'ann', 'strict');
    const before = await results('malformed');
    const unfit = [
      'not JSON',
      '[1]',
      chat('other', { content: 'hi' }),
      chat('strict', { content: 7 }),
      { ...chat('strict', { content: 'hi' }), type: 'user_event' },
      chat('strict', { content: 'x'.repeat(70_000) }),
      chat('strict', { content: 'hi', from: 'a b' }),
      chat('strict', { content: 'hi' }, { timestamp: -1 }),
      chat('strict', { content: 'hi' }, { seq: 4 }),
    ];
    for (const one of unfit) await publish('room:strict', one);
    await publish('room:strict', chat('strict', { content: 'fit' }));
    await ann.until(() => ann.chats('strict').length === 1);
    expect((await results('malformed')) - before).toBe(unfit.length);
    expect(
      nodes.all.some(({ stdout, stderr }) =>
        `${stdout}${stderr}`.includes('a publication from Redis was dropped'),
      ),
    ).toBe(true);
    await ann.close();
  });

  test('[RC1] [D12] after Redis was restarted they are heard again', async () => {
    const ann = await joined('a', 'ann', 'back');
    await nodes.redis.restart();
    const message = chat('back', { content: 'hi', id: 'again' });
    await expect
      .poll(async () => (await publish('room:back', message), ann.chats('back').length), {
        timeout: 15_000,
        interval: 200,
      })
      .toBe(1);
    await ann.close();
  });
});

describe('stored messages and live state for other programs', () => {
  test('[RC2] each stored message once, with its seq; Python publishes and listens', async () => {
    const ann = await joined('a', 'ann', 'told');
    const listening = spawn(
      'python3',
      [`${ROOT}examples/redis/vagus_redis.py`, 'listen', 'room:told', '--count', '3'],
      { env: environment() },
    );
    let heard = '';
    listening.stdout.on('data', (chunk: Buffer) => (heard += chunk.toString()));
    await expect.poll(() => heard).toContain('listening');
    await ann.request({ type: 'chat', room: 'told', id: 'c1', content: 'from a client' });
    await python('publish', 'room:told', 'from Python', '--from', 'billing', '--id', 'p1');
    await ann.until(() => ann.chats('told').length === 2);
    await python('publish', 'room:told', 'from Python', '--from', 'billing', '--id', 'p1');
    await ann.request({ type: 'chat', room: 'told', id: 'c2', content: 'last', data: { n: 1 } });
    await once(listening, 'exit');
    expect(heard.trim().split('\n').slice(1)).toEqual([
      '1 {"id":"c1","from":"ann","content":"from a client"}',
      '2 {"id":"p1","from":"svc:billing","content":"from Python"}',
      '3 {"id":"c2","from":"ann","content":"last","data":{"n":1}}',
    ]);
    await ann.close();
  });

  test('[LC4] a room’s live state is written within 5 s of its change, and kept for 24 h', async () => {
    const [ann, bob] = [await joined('a', 'ann', 'live'), await joined('b', 'bob', 'live')];
    await ann.request({ type: 'chat', room: 'live', id: 'one', content: 'hi' });
    const began = Date.now();
    const state = async (): Promise<Frame> => JSON.parse(await python('state', 'live')) as Frame;
    await expect.poll(state, { timeout: 10_000 }).toMatchObject({ head: '1', present: '2' });
    const { home, lastActivity } = await state();
    expect(['a', 'b']).toContain(home);
    expect(Number(lastActivity)).toBeGreaterThan(began - 60_000);
    await bob.request({ type: 'leave', room: 'live' });
    await expect.poll(state, { timeout: 10_000 }).toMatchObject({ present: '1' });
    const leftMs = Number(await nodes.redis.call('pttl', 'vagus:room:live'));
    expect(leftMs).toBeLessThanOrEqual(DAY_MS);
    expect(leftMs).toBeGreaterThan(DAY_MS - 60_000);
    for (const client of [ann, bob]) await client.close();
  });
});
