import { afterEach, expect, test } from 'vitest';
import type { Config } from '../../src/config/index.ts';
import { TestEngine } from '../support/engine.ts';

// Who may make rooms (RQ8).

let node: TestEngine;
afterEach(() => node.stop());

const create = { type: 'create', access: 'private' } as const;

test.each<[Config['roomsCreate'], object, object]>([
  ['users', { type: 'ack' }, { type: 'ack' }],
  ['admins', { code: 'forbidden', message: 'only admins make rooms here' }, { type: 'ack' }],
  ['off', { code: 'forbidden' }, { code: 'forbidden', message: 'rooms are not made by request here' }],
])('[RQ8] rooms are made by %s', async (roomsCreate, user, admin) => {
  node = await TestEngine.start({ roomsCreate });
  const ann = await node.connect('ann');
  const root = await node.connect('root', { scope: 'vagus:admin' });
  expect(await ann.request(create)).toMatchObject(user);
  expect(await root.request(create)).toMatchObject(admin);
  // What is wrong with the frame is said first; and the first message of a room is another matter (FR7).
  expect(await ann.request({ type: 'create', access: 'secret' })).toMatchObject({ code: 'bad_frame' });
  expect(await ann.request({ type: 'chat', room: 'by-itself', content: 'x' })).toMatchObject({ seq: 1 });
});
