import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { ask } from '../support/http.ts';
import { TestEngine } from '../support/engine.ts';
import type { TestClient } from '../support/client.ts';

// Who is banned from a room (JW7).

let node: TestEngine;
let rooms = 0;
let room: string;
beforeAll(async () => {
  node = await TestEngine.start({ graceMs: 300 });
});
beforeEach(() => void (room = `banning-${++rooms}`));
afterAll(() => node.stop());

const removed = { data: { reason: 'removed' } };
const banned = { code: 'forbidden', message: 'you are banned from this room' };

/** Everything in a room, over a socket and over REST. */
async function codes(client: TestClient, user: string): Promise<(string | number)[]> {
  const told: (string | number)[] = [];
  for (const frame of [
    { type: 'join', room },
    { type: 'chat', room, content: 'x' },
    { type: 'history', room },
    { type: 'presence', room },
  ]) {
    const reply = await client.request(frame);
    told.push((reply['code'] as string | undefined) ?? 'ok');
  }
  const path = `/v1/rooms/${room}/messages`;
  const token = await node.token(user);
  told.push((await ask(node.engine.port, path, { method: 'POST', token, body: { content: 'x' } })).status);
  told.push((await ask(node.engine.port, path, { token })).status);
  return told;
}

const FORBIDDEN = ['forbidden', 'forbidden', 'forbidden', 'forbidden', 403, 403];
const FREE = ['ok', 'ok', 'ok', 'ok', 201, 200];

test('[JW7] [FR7] an unban in an unused room does not make it: its first message does', async () => {
  await node.engine.unban(room, 'eve');
  const ann = await node.join('ann', room);
  expect(await ann.request({ type: 'chat', room, content: 'first' })).toMatchObject({ type: 'ack', seq: 1 });
  const { messages } = await ann.request({ type: 'history', room });
  expect(messages).toMatchObject([{ content: 'first' }]);
  ann.terminate();
});

describe('[JW7] a ban', () => {
  test.each(['public', 'private'])(
    '[JW7] of a %s room: everything there is forbidden, within 1 s',
    async (access) => {
      const owner = await node.connect('owner');
      await owner.request({ type: 'create', room, access, members: ['eve'] });
      await owner.request({ type: 'join', room });
      const eve = await node.join('eve', room);
      expect(await codes(eve, 'eve')).toEqual(FREE);
      const before = performance.now();
      await node.engine.ban(room, 'eve');
      expect(await eve.type('notification', 'left')).toMatchObject(removed);
      expect(performance.now() - before).toBeLessThan(1_000);
      expect(await codes(eve, 'eve')).toEqual(FORBIDDEN);
      expect(await eve.request({ type: 'join', room })).toMatchObject(banned);
      expect(await eve.request({ type: 'signal', room, data: 1 })).toMatchObject({ code: 'not_joined' });
      const listed = (await eve.request({ type: 'rooms', invited: true }))['rooms'] as { room: string }[];
      expect(listed.some((one) => one.room === room)).toBe(false);
      const { channels } = await eve.request({ type: 'resume', channels: { [`room:${room}`]: 0 } });
      expect(channels).toEqual({ [`room:${room}`]: { error: 'forbidden' } });
      await owner.request({ type: 'chat', room, content: 'among us' });
      await eve.fence();
      expect(eve.chats(room).some((line) => line.includes('among us'))).toBe(false);
      expect((await owner.request({ type: 'presence', room }))['members']).toMatchObject([{ user: 'owner' }]);
      // Others, and other rooms, are as before; so is she once it is ended.
      expect(await codes(await node.connect('owner'), 'owner')).toEqual(FREE);
      await node.engine.unban(room, 'eve');
      expect(await codes(eve, 'eve')).toEqual(FREE);
      for (const client of [owner, eve]) client.terminate();
    },
  );

  test('[JW7] that has an end is over by itself, and one that is lifted before its end, too', async () => {
    const eve = await node.join('eve', room);
    await node.engine.ban(room, 'eve', new Date(Date.now() + 700));
    expect(await eve.request({ type: 'chat', room, content: 'x' })).toMatchObject(banned);
    await sleep(800);
    expect(await codes(eve, 'eve')).toEqual(FREE);
    eve.terminate();
  });

  test('[JW7] holds in a new generation of the home, and after a start', async () => {
    const database = node.database;
    await node.engine.ban(room, 'eve');
    const again = await TestEngine.start({ databaseUrl: database.url });
    const eve = await again.connect('eve');
    for (const frame of [
      { type: 'join', room },
      { type: 'chat', room, content: 'x' },
      { type: 'history', room },
    ])
      expect(await eve.request(frame), frame.type).toMatchObject(banned);
    await again.stop();
  });

  test('[DG4] [FR4] a message that was stored before is answered with its seq', async () => {
    const eve = await node.join('eve', room);
    await eve.request({ type: 'chat', id: 'k', room, content: 'x' });
    await node.engine.ban(room, 'eve');
    expect(await eve.request({ type: 'chat', id: 'k', room, content: 'x' })).toMatchObject({
      type: 'ack',
      seq: 1,
      duplicate: true,
    });
    expect(await eve.request({ type: 'chat', id: 'l', room, content: 'x' })).toMatchObject(banned);
    eve.terminate();
  });

  test('[JW7] puts off an admin, whom no right keeps out', async () => {
    const root = await node.connect('root', { scope: 'vagus:admin' });
    await root.request({ type: 'join', room });
    await node.engine.ban(room, 'root');
    expect(await root.type('notification', 'left')).toMatchObject(removed);
    expect(await root.request({ type: 'join', room })).toMatchObject({ type: 'ack' });
    const plain = await node.connect('root');
    expect(await plain.request({ type: 'join', room })).toMatchObject(banned);
    for (const client of [root, plain]) client.terminate();
  });

  test('an impossible ban is refused', async () => {
    await expect(node.engine.ban(room, 'eve', new Date(0))).rejects.toMatchObject({ code: 'bad_request' });
    await expect(node.engine.ban(room, 'eve', 'soon' as never)).rejects.toMatchObject({
      code: 'bad_request',
    });
    await expect(node.engine.ban('a b', 'eve')).rejects.toMatchObject({ code: 'bad_request' });
    const ann = await node.connect('ann');
    await ann.request({ type: 'create', room, access: 'public' });
    await expect(node.engine.setMember(room, 'eve', false)).rejects.toMatchObject({
      code: 'bad_request',
      message: `room: ${room} is public, with or without members: ban eve`,
    });
    await node.engine.deleteRoom(room);
    await expect(node.engine.ban(room, 'eve')).rejects.toMatchObject({ code: 'gone' });
    ann.terminate();
  });
});
