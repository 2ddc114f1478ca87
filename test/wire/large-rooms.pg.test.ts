import { afterAll, beforeAll, expect, test } from 'vitest';
import { WIRE_LIMITS } from '../../src/protocol/limits.ts';
import type { TestClient } from '../support/client.ts';
import { TestEngine } from '../support/engine.ts';

let node: TestEngine;
beforeAll(async () => {
  node = await TestEngine.start({ graceMs: 60_000 });
});
afterAll(() => node.stop());

const MANY = WIRE_LIMITS.namedPresentMax;
const ROSTER = new Set(['joined', 'left', 'presence', 'members']);

const toldOf = (client: TestClient): object[] =>
  client.frames
    .filter(({ action }) => ROSTER.has(action as string))
    .map(({ action, data }) => ({ action, data }));

test('[LM9] with more than 200 members all get the number, every 5 s at most; up to 200 all members are named, and the rest is as before', async () => {
  const room = 'many';
  const name = (n: number): string => `u${String(n).padStart(3, '0')}`;
  const watcher = await node.join(name(0), room);
  const clients: TestClient[] = [];
  for (let n = 1; n < MANY; n += 50) {
    const some = Array.from({ length: Math.min(50, MANY - n) }, (_, at) => node.join(name(n + at), room));
    clients.push(...(await Promise.all(some)));
  }
  const [quitter, leaver] = clients as [TestClient, TestClient];
  await expect
    .poll(() => watcher.notifications('joined').flatMap((frame) => frame['data'].users as string[]).length)
    .toBe(MANY - 1);
  expect(watcher.notifications('members')).toEqual([]);

  // One more: everybody is told the number, nobody the name.
  const began = performance.now();
  const last = await node.join('zoe', room);
  expect(await watcher.type('notification', 'members')).toEqual({
    type: 'notification',
    action: 'members',
    room,
    data: { count: MANY + 1 },
  });
  expect(await last.type('notification', 'members')).toMatchObject({ data: { count: MANY + 1 } });
  const before = toldOf(watcher).length;

  // He leaves and comes back again and again, another is lost, a third one is there for good.
  for (let n = 0; n < 20; n++) {
    await last.request({ type: 'leave', room });
    await last.request({ type: 'join', room });
  }
  quitter.terminate();
  const stays = await node.join('yves', room);
  expect(await watcher.type('notification', 'members')).toMatchObject({ data: { count: MANY + 2 } });
  expect(performance.now() - began).toBeGreaterThanOrEqual(5_000);
  expect(toldOf(watcher).slice(before)).toEqual([{ action: 'members', data: { count: MANY + 2 } }]);

  // At 200 again: the last of these names all that are there. From then on as before.
  await stays.request({ type: 'leave', room });
  await last.request({ type: 'leave', room });
  const named = await watcher.type('notification', 'members');
  expect(named['data'].count).toBe(MANY);
  const page = await watcher.request({ type: 'presence', room });
  const present = (page['members'] as { user: string }[]).map(({ user }) => user);
  expect((named['data'].users as string[]).toSorted()).toEqual(present);
  expect(present).toHaveLength(MANY);
  await leaver.request({ type: 'leave', room });
  expect(await watcher.type('notification', 'left')).toMatchObject({ data: { users: ['u002'] } });
}, 60_000);
