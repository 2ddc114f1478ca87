import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { TestEngine } from '../support/engine.ts';
import type { TestClient } from '../support/client.ts';

// What a refreshed token does not grant any more, over real sockets (JW4).

const ADMIN = { scope: 'vagus:admin' };

let node: TestEngine;
let rooms = 0;
let room: string;
let owner: TestClient;

beforeAll(async () => {
  node = await TestEngine.start({ graceMs: 300 });
});
afterEach(() => owner.terminate());
afterAll(async () => {
  await node.stop();
});

/** A private room of `owner`, with `root` joined to it. */
async function joined(members: readonly string[] = [], scope: object = ADMIN): Promise<TestClient> {
  room = `private-${++rooms}`;
  owner = await node.connect('owner');
  await owner.request({ type: 'create', room, access: 'private', members });
  await owner.request({ type: 'join', room });
  const root = await node.connect('root', scope);
  expect(await root.request({ type: 'join', room })).toMatchObject({ type: 'ack' });
  return root;
}

const refresh = async (client: TestClient, scope: object = {}) =>
  client.request({ type: 'refresh', token: await node.token('root', scope) });

const users = async (): Promise<string[]> =>
  ((await owner.request({ type: 'presence', room }))['members'] as { user: string }[]).map(
    ({ user }) => user,
  );

describe('[JW4] a scope that a refresh takes away', () => {
  test('[JW4] puts off a private room within 1 s, in and out: no message, no signal, no presence', async () => {
    const root = await joined();
    expect(await users()).toEqual(['owner', 'root']);
    const before = performance.now();
    expect(await refresh(root)).toMatchObject({ type: 'ack' });
    const left = await root.type('notification', 'left');
    expect(left).toMatchObject({ room, data: { users: ['root'], reason: 'removed' } });
    expect(performance.now() - before).toBeLessThan(1_000);
    expect(await root.request({ type: 'signal', room, data: 1 })).toMatchObject({ code: 'not_joined' });
    expect(await root.request({ type: 'join', room })).toMatchObject({ code: 'forbidden' });
    await owner.request({ type: 'chat', room, content: 'among us' });
    await owner.request({ type: 'signal', room, data: 'too' });
    await expect.poll(users).toEqual(['owner']);
    await root.fence();
    expect(root.chats(room)).toEqual([]);
    expect(root.frames.filter(({ action }) => action === 'signal')).toEqual([]);
    root.terminate();
  });

  test('[JW4] leaves a member in the room, and an admin’s other connection', async () => {
    const member = await joined(['root']);
    const admin = await node.connect('root', ADMIN);
    await admin.request({ type: 'join', room });
    await refresh(member, ADMIN);
    await refresh(member);
    await owner.request({ type: 'chat', room, content: 'for members' });
    expect(await member.chat(room, 'for members')).toBeDefined();
    expect(await admin.chat(room, 'for members')).toBeDefined();
    member.terminate();
    admin.terminate();

    const demoted = await joined();
    const other = await node.connect('root', ADMIN);
    await other.request({ type: 'join', room });
    await refresh(demoted);
    await demoted.type('notification', 'left');
    await owner.request({ type: 'chat', room, content: 'for admins' });
    expect(await other.chat(room, 'for admins')).toBeDefined();
    expect(demoted.chats(room)).toEqual([]);
    demoted.terminate();
    other.terminate();
  });

  test('[JW4] a scope that comes with a refresh counts from then on', async () => {
    const root = await joined(['root'], {});
    await refresh(root, ADMIN);
    await owner.request({ type: 'chat', room, content: '1' });
    await root.chat(room, '1');
    expect(await root.request({ type: 'join', room })).toMatchObject({ already: true });
    root.terminate();
  });
});
