import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { TestClient } from '../support/client.ts';
import { TestEngine } from '../support/engine.ts';

let node: TestEngine;
let ann: TestClient;
let bob: TestClient;
beforeAll(async () => {
  node = await TestEngine.start();
  [ann, bob] = [await node.connect('ann'), await node.connect('bob')];
  const create = (room: string, access: string, more: object = {}): Promise<unknown> =>
    ann.request({ type: 'create', room, access, ...more });
  await create('b-public', 'public', { metadata: { topic: 'all' } });
  await create('a-private', 'private');
  await node.engine.setMember('a-private', 'bob', true);
  await create('c-secret', 'private');
  await ann.request({ type: 'chat', room: 'd-made', content: 'by its first message' });
});
afterAll(() => node.stop());

const names = (reply: Record<string, any>): string[] =>
  (reply['rooms'] as { readonly room: string }[]).map(({ room }) => room);

describe('[RQ11] rooms', () => {
  test('[RQ11] public ones and one’s own, in order, with access, metadata and how many are present', async () => {
    await ann.request({ type: 'join', room: 'b-public' });
    await bob.request({ type: 'join', room: 'b-public' });
    expect(names(await ann.request({ type: 'rooms' }))).toEqual([
      'a-private',
      'b-public',
      'c-secret',
      'd-made',
    ]);
    expect(await bob.request({ type: 'rooms' })).toEqual({
      type: 'rooms',
      id: expect.any(String),
      rooms: [
        { room: 'a-private', access: 'private', metadata: {}, present: 0 },
        { room: 'b-public', access: 'public', metadata: { topic: 'all' }, present: 2 },
        { room: 'd-made', access: 'public', metadata: {}, present: 0 },
      ],
      more: false,
    });
    await bob.request({ type: 'leave', room: 'b-public' });
    expect((await bob.request({ type: 'rooms', after: 'a-private', limit: 1 }))['rooms']).toMatchObject([
      { room: 'b-public', present: 1 },
    ]);
  });

  test('[RQ11] page by page', async () => {
    const found: string[] = [];
    for (let after: string | undefined; ;) {
      const page = await ann.request({ type: 'rooms', limit: 1, ...(after === undefined ? {} : { after }) });
      found.push(...names(page));
      after = found.at(-1);
      if (!page['more']) break;
    }
    expect(found).toEqual(['a-private', 'b-public', 'c-secret', 'd-made']);
  });

  test('[RQ11] [JW4] an admin sees all; a removed user and a stranger do not', async () => {
    const admin = await node.connect('root', { scope: 'vagus:admin' });
    expect(names(await admin.request({ type: 'rooms' }))).toContain('c-secret');
    await node.engine.setMember('a-private', 'bob', false);
    expect(names(await bob.request({ type: 'rooms' }))).toEqual(['b-public', 'd-made']);
  });

  test('[RQ11] a room that was never created is not listed, whatever users are in it; a deleted one is not any more', async () => {
    await ann.request({ type: 'join', room: 'e-nothing' });
    await node.engine.deleteRoom('d-made');
    expect(names(await ann.request({ type: 'rooms' }))).toEqual(['a-private', 'b-public', 'c-secret']);
  });

  test.each([{ limit: 0 }, { limit: 201 }, { after: 'no room' }, { limit: 1.5 }])(
    '[FR2] %j is a bad frame',
    async (fields) => {
      expect(await ann.request({ type: 'rooms', ...fields })).toMatchObject({
        code: 'bad_frame',
        field: Object.keys(fields)[0],
      });
    },
  );
});
