import { afterAll, beforeAll, expect, test } from 'vitest';
import { TestEngine } from '../support/engine.ts';
import { ask } from '../support/http.ts';

// Ids as identity providers give them. Inside they are parts of names; nothing may take one for another.

let node: TestEngine;
beforeAll(async () => {
  node = await TestEngine.start();
});
afterAll(() => node.stop());

test.each([
  ['of a Keycloak federation', 'f:0b1c7e0a-6a3f-4b41-9c57-1f5f0f6f4a11:alice'],
  ['a DID', 'did:example:123'],
  ['like a room', 'room:lobby'],
  ['like a channel of a user', 'user:broadcast'],
  ['of 255 characters of any script', `f:${'漢'.repeat(253)}`],
])('[FR6] an id %s goes through everything', async (_, user) => {
  const [one, other] = [await node.connect(user), await node.connect('bob')];
  expect(one.welcomed).toMatchObject({ user, channels: { user: 0 } });
  const { room } = await other.request({ type: 'create', access: 'private', members: [user] });
  await other.request({ type: 'join', room });
  expect(await one.request({ type: 'join', room })).toMatchObject({ type: 'ack' });
  expect(await other.type('notification', 'joined')).toMatchObject({ data: { users: [user] } });
  expect(await one.request({ type: 'chat', room, content: 'hello' })).toMatchObject({ seq: 1 });
  await other.chat(room, 'hello');
  expect(await other.request({ type: 'presence', room })).toMatchObject({
    members: expect.arrayContaining([expect.objectContaining({ user })]),
  });
  expect(await other.request({ type: 'presence', room, after: user })).toMatchObject({ total: 2 });
  const token = await node.token(user);
  const path = `/v1/rooms/${room as string}/messages`;
  const sent = await ask(node.engine.port, path, { method: 'POST', token, body: { content: 'by REST' } });
  expect(sent).toMatchObject({ status: 201, body: { seq: 2 } });
  expect(await other.request({ type: 'history', room })).toMatchObject({
    messages: [{ from: user }, { from: user }],
  });
  // The user's own channel is the user's, and nobody else's.
  await node.engine.publishToUser(user, { n: 1 }, 'e1');
  expect(await one.type('notification', 'user_event')).toMatchObject({ seq: 1, data: { n: 1 } });
  expect(await ask(node.engine.port, '/v1/channels/user/messages', { token })).toMatchObject({
    body: { channel: 'user', messages: [{ id: 'e1' }] },
  });
  expect(await other.request({ type: 'history', channel: `user:${user}` })).toMatchObject({
    code: 'bad_frame',
  });
  const channel = `room:${room as string}`;
  const again = await node.connect(user);
  expect(
    await again.request({
      type: 'resume',
      log: (again.welcomed as { log: string }).log,
      channels: { user: 0, [channel]: 1 },
    }),
  ).toMatchObject({ channels: { user: { seq: 1 }, [channel]: { seq: 2 } } });
  const shown = (): string[] => again.frames.flatMap(({ action, content }) => (content ?? action) as string);
  await expect.poll(shown).toEqual(expect.arrayContaining(['by REST', 'user_event']));
  await node.engine.setMember(room as string, user, false);
  expect(await one.type('notification', 'left')).toMatchObject({
    data: { users: [user], reason: 'removed' },
  });
  await node.engine.revoke({ user });
  expect(await one.closed).toMatchObject({ code: 4502 });
  other.terminate();
});

test('[FR6] ids that differ in where a colon stands are two users', async () => {
  const [one, two] = [await node.connect('a:b'), await node.connect('a')];
  await node.engine.publishToUser('a:b', 'for a:b', 'e');
  expect(await one.type('notification', 'user_event')).toMatchObject({ data: 'for a:b' });
  await two.fence();
  expect(two.frames.filter((frame) => frame['action'] === 'user_event')).toEqual([]);
});

test('[FR6] nothing of a service can be published to or made a member', async () => {
  const refused = { code: 'bad_request' };
  await expect(node.engine.publishToUser('svc:engine', 1)).rejects.toMatchObject(refused);
  await expect(node.engine.revoke({ user: 'svc:engine' })).rejects.toMatchObject(refused);
});
