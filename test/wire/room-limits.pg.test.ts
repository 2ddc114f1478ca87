import { afterEach, describe, expect, test } from 'vitest';
import { TestEngine } from '../support/engine.ts';

// How many rooms a user makes, with how many members, and whose lists they are in (LM13, RQ11).

let node: TestEngine;
afterEach(() => node.stop());

const create = (members = 0, more: object = {}) => ({
  type: 'create',
  access: 'private',
  members: Array.from({ length: members }, (_, n) => `m${n}`),
  ...more,
});

describe('[LM13] making rooms', () => {
  test('[LM13] [ER1] so many an hour, over all connections; an admin as many as there are', async () => {
    node = await TestEngine.start({ roomsPerHour: 3 });
    const [one, two] = [await node.connect('ann'), await node.connect('ann')];
    const root = await node.connect('root', { scope: 'vagus:admin' });
    expect(await one.request(create(0, { room: 'a' }))).toMatchObject({ type: 'ack' });
    // One that is not made does not count.
    for (let n = 0; n < 5; n++)
      expect(await one.request(create(0, { room: 'a' }))).toMatchObject({ code: 'already_exists' });
    expect(await two.request(create())).toMatchObject({ type: 'ack' });
    expect(await one.request(create())).toMatchObject({ type: 'ack' });
    for (const client of [one, two])
      expect(await client.request(create())).toMatchObject({
        code: 'limit_reached',
        message: 'you may make 3 rooms an hour',
        retryable: false,
      });
    for (let n = 0; n < 5; n++) expect(await root.request(create())).toMatchObject({ type: 'ack' });
    expect(await (await node.connect('ben')).request(create())).toMatchObject({ type: 'ack' });
  });

  test('[LM13] with so many members; an admin with as many as a frame names', async () => {
    node = await TestEngine.start({ membersPerCreate: 2 });
    const ann = await node.connect('ann');
    expect(await ann.request(create(2))).toMatchObject({ type: 'ack' });
    expect(await ann.request(create(3))).toMatchObject({
      code: 'limit_reached',
      message: 'a room is made with 2 members at most',
    });
    const root = await node.connect('root', { scope: 'vagus:admin' });
    expect(await root.request(create(1_000))).toMatchObject({ type: 'ack' });
    expect(await root.request(create(1_001))).toMatchObject({ code: 'bad_frame' });
  });
});

test('[RQ11] a room into which another user has put a member is listed on request, until the member joins it', async () => {
  node = await TestEngine.start();
  const [ann, bob] = [await node.connect('ann'), await node.connect('bob')];
  await ann.request({ type: 'create', room: 'party', access: 'private', members: ['bob'] });
  const list = async (more: object = {}) =>
    (await bob.request({ type: 'rooms', ...more }))['rooms'] as object[];
  const party = { room: 'party', access: 'private', metadata: {}, present: 0 };
  expect(await list()).toEqual([]);
  expect(await list({ invited: false })).toEqual([]);
  expect(await list({ invited: true })).toEqual([{ ...party, invited: true }]);
  // He may use it all the same.
  expect(await bob.request({ type: 'chat', room: 'party', content: 'hi' })).toMatchObject({ type: 'ack' });
  expect(await list()).toEqual([]);
  await bob.request({ type: 'join', room: 'party' });
  await expect.poll(() => list()).toMatchObject([{ room: 'party' }]);
  await bob.request({ type: 'leave', room: 'party' });
  await expect.poll(() => list({ invited: true })).toEqual([party]);
  // What the application itself does is no invitation.
  await ann.request({ type: 'create', room: 'staff', access: 'private' });
  await node.engine.setMember('staff', 'bob', true);
  expect(await list()).toMatchObject([{ room: 'party' }, { room: 'staff' }]);
});
