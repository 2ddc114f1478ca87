import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Frame, TestClient } from '../support/client.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { TestEngine } from '../support/engine.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';

// The promises, with the wire to the database in our hands.

let database: TestDatabase;
let proxy: TcpProxy;
let node: TestEngine;

beforeEach(async () => {
  database = await createDatabase();
  proxy = await TcpProxy.to(database.url);
  node = await TestEngine.start({ databaseUrl: proxy.through(database.url) });
});
afterEach(async () => {
  proxy.refuse(false);
  proxy.release('toClient');
  proxy.release('toServer');
  await node.stop();
  await proxy.close();
  await database.drop();
});

interface Row {
  readonly seq: number;
  readonly sender: string;
  readonly id: string;
}

async function log(room: string): Promise<Row[]> {
  const rows = await database.query(
    'select seq::int, sender, id from vagus.messages where channel = $1 order by seq',
    [`room:${room}`],
  );
  return rows as unknown as Row[];
}

/** Sends `count` chats without waiting and returns the replies, in order. */
function burst(client: TestClient, room: string, count: number, prefix = 'm'): Promise<Frame>[] {
  return Array.from({ length: count }, (_, n) =>
    client.request({ type: 'chat', room, id: `${prefix}${n}`, content: `${prefix}${n}` }, 20_000),
  );
}

/** What the promises say of replies and log together. */
async function checkLog(room: string, replies: readonly Frame[]): Promise<void> {
  const rows = await log(room);
  expect(rows.map(({ seq }) => seq)).toEqual(rows.map((_, at) => at + 1));
  const seqOf = new Map(rows.map(({ id, seq }) => [id, seq]));
  for (const reply of replies) {
    const id = reply['id'] as string;
    if (reply['type'] === 'ack') expect(seqOf.get(id), `[DG1] ${id} was acked`).toBe(reply['seq']);
    else if (reply['code'] !== 'outcome_unknown')
      expect(seqOf.has(id), `[DG4] ${id} got ${reply['code']}`).toBe(false);
  }
}

test('[DG1] [DG4] the database goes away in mid-traffic: acked is stored once, every other error is not, order is kept [DG7]', async () => {
  const client = await node.join('ann', 'cut');
  const replies: Frame[] = [];
  for (let round = 0; round < 6; round++) {
    const open = burst(client, 'cut', 40, `${round}-`);
    if (round % 2) await proxy.seen('toServer', 'ann');
    proxy.cut();
    replies.push(...(await Promise.all(open)));
  }
  const last = await client.request({ type: 'chat', room: 'cut', content: 'end', id: 'end' });
  expect(last['type']).toBe('ack');
  await checkLog('cut', replies);
  const sent = replies.map((reply) => reply['id'] as string);
  const order = (await log('cut')).map(({ id }) => sent.indexOf(id)).filter((at) => at >= 0);
  expect(order).toEqual([...order].toSorted((a, b) => a - b));
  // [DG2] Who was there all the time has seen the whole log, in order.
  await client.chat('cut', 'end');
  expect(client.chats('cut')).toEqual((await log('cut')).map(({ seq, id }) => `${seq} ${id}`));
});

test('[DG4] a commit whose answer is lost: the message is acked with its own seq, once', async () => {
  const client = await node.join('ann', 'lost');
  await client.request({ type: 'chat', room: 'lost', content: 'first', id: 'first' });
  proxy.hold('toClient');
  const open = burst(client, 'lost', 5);
  await expect.poll(async () => (await log('lost')).length).toBe(6);
  proxy.cut();
  proxy.release('toClient');
  const replies = await Promise.all(open);
  expect(replies.map((reply) => [reply['type'], reply['seq'], reply['duplicate']])).toEqual(
    [2, 3, 4, 5, 6].map((seq) => ['ack', seq, undefined]),
  );
  await checkLog('lost', replies);
  await client.chat('lost', 'm4');
  expect(client.chats('lost').map((text) => Number(text.split(' ')[0]))).toEqual([1, 2, 3, 4, 5, 6]);
});

test('[DG4] [ER2] a store that hangs: outcome_unknown by the deadline, and sending it again with the same id is safe', async () => {
  const client = await node.join('ann', 'hang');
  await client.request({ type: 'chat', room: 'hang', content: 'first', id: 'first' });
  proxy.hold('toClient');
  const unknown = await client.request({ type: 'chat', room: 'hang', content: 'x', id: 'x' }, 20_000);
  expect(unknown).toMatchObject({ type: 'error', code: 'outcome_unknown', retryable: true });
  // Meanwhile the room is suspect: nothing new is taken (LC4).
  expect(await client.request({ type: 'chat', room: 'hang', content: 'y', id: 'y' })).toMatchObject({
    code: 'unavailable',
    retryable: true,
    retryAfterMs: expect.any(Number),
  });
  proxy.cut();
  proxy.release('toClient');
  let again: Frame;
  do again = await client.request({ type: 'chat', room: 'hang', content: 'x', id: 'x' });
  while (again['code'] === 'unavailable');
  expect(again).toMatchObject({ type: 'ack', seq: 2 });
  expect((await log('hang')).map(({ id }) => id)).toEqual(['first', 'x']);
});

describe('[LC4] an unreachable store', () => {
  test('[LC4] [PU2] unavailable while it lasts; clients get a notice, and the service comes back by itself', async () => {
    const client = await node.join('ann', 'away');
    await client.request({ type: 'chat', room: 'away', content: 'before', id: 'before' });
    proxy.refuse(true);
    const refused: Frame[] = [];
    // Enough calls for the breaker to see that half of them fail.
    while (client.notifications('degraded').length === 0) {
      refused.push(
        await client.request(
          { type: 'chat', room: `away-${refused.length}`, content: 'x', id: `x${refused.length}` },
          20_000,
        ),
      );
    }
    expect(refused.every((reply) => reply['code'] === 'unavailable')).toBe(true);
    expect(await client.type('notification', 'degraded')).toEqual({
      type: 'notification',
      action: 'degraded',
      data: { features: ['chat', 'history'] },
    });
    const started = performance.now();
    expect(await client.request({ type: 'history', room: 'away' })).toMatchObject({ code: 'unavailable' });
    expect(performance.now() - started).toBeLessThan(200);
    const ready = await fetch(`http://127.0.0.1:${node.engine.adminPort}/readyz`);
    expect([ready.status, await ready.json()]).toEqual([503, { status: 'not ready', because: 'store' }]);
    proxy.refuse(false);
    expect(await client.type('notification', 'degraded')).toMatchObject({ data: { features: [] } });
    let reply: Frame;
    do reply = await client.request({ type: 'chat', room: 'away', content: 'after', id: 'after' });
    while (reply['code'] === 'unavailable');
    expect(reply).toMatchObject({ type: 'ack', seq: 2 });
    // The lease may have come into doubt meanwhile: then the node is ready again after its next renewal.
    const readiness = async (): Promise<number> =>
      (await fetch(`http://127.0.0.1:${node.engine.adminPort}/readyz`)).status;
    await expect.poll(readiness, { timeout: 5_000 }).toBe(200);
  });

  test('[HS5] channels whose homes are awake are in the welcome all the same', async () => {
    await node.connect('ben');
    const { seq } = await node.engine.publishToUser('ann', 'one');
    proxy.refuse(true);
    const client = await node.connect('ann');
    expect(client.frames[0]?.['data']).toMatchObject({ channels: { user: seq } });
  });

  test('[HS5] a client that comes meanwhile is welcomed without channels and gets a notice; later the channels continue from the positions of its resume', async () => {
    // Another node has stored it: here the user has no home yet.
    const other = await TestEngine.start({ databaseUrl: database.url });
    const { seq } = await other.engine.publishToUser('zoe', 'one');
    await other.stop();
    proxy.refuse(true);
    const client = await node.connect('zoe');
    expect(client.frames[0]?.['data']).not.toHaveProperty('channels');
    expect(await client.type('notification', 'degraded')).toMatchObject({
      data: { features: ['chat', 'history'] },
    });
    expect((await client.request({ type: 'resume', channels: { user: 0 } }))['channels']).toEqual({
      user: { error: 'unavailable' },
    });
    expect(await client.request({ type: 'join', room: 'any' }, 20_000)).toMatchObject({
      code: 'unavailable',
    });
    proxy.refuse(false);
    expect(await client.type('notification', 'degraded')).toMatchObject({ data: { features: [] } });
    expect(await client.next((frame) => frame['action'] === 'user_event', 20_000)).toMatchObject({
      seq,
      data: 'one',
    });
    expect(await client.request({ type: 'join', room: 'any' })).toMatchObject({ type: 'ack' });
  });
});

test('[DG5] two nodes on one log: at most one can append at a time, and nothing acked is lost', async () => {
  const other = await TestEngine.start({ databaseUrl: database.url });
  const writers = [
    { user: 'ann', client: await node.connect('ann') },
    { user: 'ben', client: await other.connect('ben') },
  ];
  const chat = ({ user, client }: (typeof writers)[number], id: string): Promise<Frame> =>
    client.request({ type: 'chat', room: 'shared', id: `${user}-${id}`, content: 'x' }, 20_000);
  const write = async (writer: (typeof writers)[number]): Promise<Frame[]> => {
    const replies: Frame[] = [];
    for (let n = 0; n < 60; n++) replies.push(await chat(writer, String(n)));
    return replies;
  };
  const replies = (await Promise.all(writers.map(write))).flat();
  // However the fight went, the room changes hands once more with each of these.
  for (const [turn, writer] of [...writers, ...writers].entries()) {
    let reply: Frame;
    do reply = await chat(writer, `again-${turn}`);
    while (reply['type'] !== 'ack');
    replies.push(reply);
  }
  expect(replies.filter((reply) => reply['type'] === 'ack').length).toBeGreaterThan(40);
  await checkLog('shared', replies);
  const rows = await database.query(
    `select epoch::int from vagus.messages where channel = 'room:shared' order by seq`,
  );
  const epochs = rows.map((row) => row['epoch'] as number);
  expect(epochs).toEqual([...epochs].toSorted((a, b) => a - b));
  expect(new Set(epochs).size).toBeGreaterThan(2);
  await other.stop();
});

test('[DG7] what one connection sends to one channel is stored in the order sent', async () => {
  const [ann, ben] = [await node.connect('ann'), await node.connect('ben')];
  const replies = await Promise.all([...burst(ann, 'order', 500, 'a'), ...burst(ben, 'order', 500, 'b')]);
  expect(replies.every((reply) => reply['type'] === 'ack')).toBe(true);
  for (const sender of ['ann', 'ben']) {
    const numbers = (await log('order'))
      .filter((row) => row.sender === sender)
      .map(({ id }) => Number(id.slice(1)));
    expect(numbers).toEqual(Array.from({ length: 500 }, (_, n) => n));
  }
});

test('[DG2] every subscriber sees the same messages in the same order', async () => {
  const clients = await Promise.all(Array.from({ length: 12 }, (_, n) => node.join(`u${n}`, 'same')));
  await Promise.all(clients.map((client, n) => Promise.all(burst(client, 'same', 40, `${n}-`))));
  await clients[0]?.request({ type: 'chat', room: 'same', content: 'end' });
  await Promise.all(clients.map((client) => client.chat('same', 'end')));
  const [first, ...others] = clients.map((client) => client.chats('same'));
  expect(first?.map((text) => Number(text.split(' ')[0]))).toEqual(
    Array.from({ length: 481 }, (_, at) => at + 1),
  );
  for (const other of others) expect(other).toEqual(first);
});

describe('with an application’s own trouble', () => {
  let slow: TestEngine;
  beforeAll(async () => {
    slow = await TestEngine.start();
  });
  afterAll(() => slow.stop());

  test('[DG4] a message the store refuses is answered internal, and the next ones go on', async () => {
    await slow.database.query(
      `alter table vagus.messages add constraint no_bananas check (content <> 'banana')`,
    );
    const client = await slow.join('ann', 'fruit');
    const replies = await Promise.all(
      ['apple', 'banana', 'cherry'].map((content) =>
        client.request({ type: 'chat', room: 'fruit', content, id: content }),
      ),
    );
    expect(replies.map((reply) => reply['code'] ?? reply['seq'])).toEqual([1, 'internal', 2]);
    await client.chat('fruit', 'cherry');
    expect(client.chats('fruit')).toEqual(['1 apple', '2 cherry']);
  });
});
