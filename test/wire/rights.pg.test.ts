import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { TestEngine } from '../support/engine.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';

// Rights that change while something is under way (JW4), with the wire to the database in our hands.

let database: TestDatabase;
let proxy: TcpProxy;
let node: TestEngine;
let rooms = 0;

beforeAll(async () => {
  database = await createDatabase();
  proxy = await TcpProxy.to(database.url);
  node = await TestEngine.start({ databaseUrl: proxy.through(database.url), graceMs: 300 });
});
afterEach(() => proxy.release('toClient'));
afterAll(async () => {
  await node.stop();
  await proxy.close();
  await database.drop();
});

async function privateRoom(owner: string, members: readonly string[] = []): Promise<string> {
  const room = `private-${++rooms}`;
  const client = await node.connect(owner);
  expect(await client.request({ type: 'create', room, access: 'private', members })).toMatchObject({
    type: 'ack',
  });
  client.terminate();
  return room;
}

test('[LC3] [RQ7] a user who leaves during the look-up of the right is not present afterwards', async () => {
  const room = await privateRoom('owner');
  await database.query(`insert into vagus.members (room, "user") values ($1, 'late')`, [room]);
  const watcher = await node.join('owner', room);
  const late = await node.connect('late');
  proxy.hold('toClient');
  late.send({ type: 'join', id: 'j', room });
  const asked = proxy.seen('toServer', 'late');
  await asked;
  late.terminate();
  await expect
    .poll(async () => (await (await fetch(metricsUrl())).text()).match(/^vagus_connections (\d+)$/m)?.[1])
    .toBe('1');
  proxy.release('toClient');
  await watcher.fence();
  await expect
    .poll(async () => (await watcher.request({ type: 'presence', room }))['members'].length)
    .toBe(1);
  expect(await watcher.request({ type: 'presence', room })).toMatchObject({
    members: [{ user: 'owner' }],
    total: 1,
  });
  watcher.terminate();
});

const metricsUrl = (): string => `http://127.0.0.1:${node.engine.adminPort}/metrics`;

describe('[JW4] a deleted room', () => {
  test('[JW4] is closed to everyone before its messages are gone, and a new one of its name has none of them', async () => {
    const room = `deleted-${++rooms}`;
    const client = await node.join('ann', room);
    const other = await node.join('ben', room);
    await client.request({ type: 'chat', room, content: 'first' });
    await database.query(
      `insert into vagus.messages (channel, seq, epoch, sender, id, content, stored_at)
       select $1, n, 1, 'ann', 'old-' || n, 'x', now() from generate_series(2, 20000) n`,
      [`room:${room}`],
    );
    await database.query('update vagus.channels set head = 20000 where channel = $1', [`room:${room}`]);
    await node.engine.deleteRoom(room);
    expect(await client.type('notification', 'room_closed')).toMatchObject({ room });
    expect(await other.type('notification', 'room_closed')).toMatchObject({ room });
    expect(await client.request({ type: 'history', room })).toMatchObject({ code: 'gone' });
    expect(await client.request({ type: 'chat', room, content: 'late' })).toMatchObject({ code: 'gone' });
    expect(await client.request({ type: 'join', room })).toMatchObject({ code: 'gone' });

    expect(await client.request({ type: 'create', room, access: 'public' })).toMatchObject({ type: 'ack' });
    expect(await client.request({ type: 'history', room })).toMatchObject({ messages: [] });
    expect(await client.request({ type: 'chat', room, content: 'new' })).toMatchObject({ seq: 20_001 });
    expect(await client.request({ type: 'history', room })).toMatchObject({ messages: [{ content: 'new' }] });
    client.terminate();
    other.terminate();
  });

  test('[JW4] chats that are on their way when it is deleted are answered, and what is acked was stored before', async () => {
    const room = `racing-${++rooms}`;
    const client = await node.join('ann', room);
    await client.request({ type: 'chat', room, content: 'first' });
    const chats = Array.from({ length: 200 }, (_, n) =>
      client.request({ type: 'chat', room, id: `c${n}`, content: 'x' }),
    );
    await node.engine.deleteRoom(room);
    const replies = await Promise.all(chats);
    expect(
      replies.every(({ type, code }) => type === 'ack' || code === 'gone' || code === 'unavailable'),
    ).toBe(true);
    expect(await client.type('notification', 'room_closed')).toMatchObject({ room });
    expect(await client.request({ type: 'chat', room, content: 'late' })).toMatchObject({ code: 'gone' });
    client.terminate();
  });

  test('[JW4] an admin, too, gets the error that the room is gone, or that there is none', async () => {
    const room = await privateRoom('ann');
    const admin = await node.connect('root', { scope: 'vagus:admin' });
    expect(await admin.request({ type: 'history', room })).toMatchObject({ type: 'history' });
    await node.engine.deleteRoom(room);
    expect(await admin.request({ type: 'history', room })).toMatchObject({ code: 'gone' });
    admin.terminate();
  });
});

test('[JW4] an admin stays in a room that becomes private; a user who is removed by name is off, admin or not', async () => {
  const room = `open-${++rooms}`;
  const admin = await node.connect('root', { scope: 'vagus:admin' });
  // The scope is the token's, not the user's: another device of the same user has none.
  const plain = await node.join('root', room);
  const stranger = await node.join('stranger', room);
  await admin.request({ type: 'join', room });
  const owner = await node.connect('owner');
  await owner.request({ type: 'create', room, access: 'private' });
  const removed = { room, data: { reason: 'removed' } };
  expect(await stranger.type('notification', 'left')).toMatchObject(removed);
  expect(await plain.type('notification', 'left')).toMatchObject(removed);
  await owner.request({ type: 'chat', room, content: 'still here' });
  expect(await admin.chat(room, 'still here')).toMatchObject({ from: 'owner' });
  await node.engine.setMember(room, 'root', false);
  expect(await admin.type('notification', 'left')).toMatchObject(removed);
  expect(await admin.request({ type: 'signal', room, data: 1 })).toMatchObject({ code: 'not_joined' });
  // A removal ends what is open; the scope passes every check, so it may come in again.
  expect(await admin.request({ type: 'join', room })).toMatchObject({ type: 'ack' });
  for (const client of [admin, plain, stranger, owner]) client.terminate();
});

test('[JW4] a removal whose answer is lost still takes effect: everyone present is looked at anew', async () => {
  const room = await privateRoom('owner', ['guest']);
  const guest = await node.join('guest', room);
  proxy.hold('toClient');
  const removal = node.engine.setMember(room, 'guest', false);
  await expect
    .poll(() => database.query(`select 1 from vagus.members where room = $1 and "user" = 'guest'`, [room]))
    .toHaveLength(0);
  proxy.cut();
  proxy.release('toClient');
  await expect(removal).rejects.toMatchObject({ code: 'unavailable' });
  expect(await guest.type('notification', 'left')).toMatchObject({ room, data: { reason: 'removed' } });
  expect(await guest.request({ type: 'history', room })).toMatchObject({ code: 'forbidden' });
  guest.terminate();
});
