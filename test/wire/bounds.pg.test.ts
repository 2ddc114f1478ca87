import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TestEngine } from '../support/engine.ts';

// The edges of what is allowed: what is just inside is taken, what is just outside is not.

let node: TestEngine;
let rooms = 0;
const newRoom = (): string => `bounds-${++rooms}`;
beforeAll(async () => {
  node = await TestEngine.start({ roomsPerConnection: 3, graceMs: 60_000 });
});
afterAll(() => node.stop());

/** A JSON value of exactly so many bytes. */
const jsonOf = (bytes: number): string => 'x'.repeat(bytes - 2);

describe('sizes', () => {
  test('[RQ5] the data of a signal may have 4 KiB, and no more', async () => {
    const room = newRoom();
    const [ann, ben] = [await node.join('ann', room), await node.join('ben', room)];
    expect(await ann.request({ type: 'signal', room, data: jsonOf(4_096) })).toMatchObject({ type: 'ack' });
    expect(await ben.type('notification', 'signal')).toMatchObject({ data: jsonOf(4_096), from: 'ann' });
    expect(await ann.request({ type: 'signal', room, data: jsonOf(4_097) })).toMatchObject({
      code: 'bad_frame',
      field: 'data',
    });
  });

  test('[RQ8] the metadata of a room may have 8 KiB, and no more', async () => {
    const client = await node.connect('ann');
    const frame = 8_192 - '{"a":""}'.length;
    const metadata = { a: 'x'.repeat(frame) };
    const room = newRoom();
    expect(await client.request({ type: 'create', room, access: 'public', metadata })).toMatchObject({
      type: 'ack',
    });
    expect(await client.request({ type: 'join', room })).toMatchObject({ metadata });
    expect(
      await client.request({ type: 'create', access: 'public', metadata: { a: `${metadata.a}x` } }),
    ).toMatchObject({ code: 'bad_frame', field: 'metadata' });
  });

  test('[LM1] a frame over the limit closes with 1009, and is counted', async () => {
    const client = await node.connect('big');
    client.send(`{"type":"chat","room":"a","content":"${'x'.repeat(65_536)}"}`);
    expect(await client.closed).toMatchObject({ code: 1009 });
    const metrics = await fetch(`http://127.0.0.1:${node.engine.adminPort}/metrics`);
    expect(await metrics.text()).toContain('vagus_closed_total{reason="frame_too_large"} 1');
  });
});

describe('[RQ2] resume', () => {
  test('[RQ2] [LM5] rooms past the limit of a connection are named so, the others go on', async () => {
    const names = Array.from({ length: 4 }, newRoom);
    const client = await node.connect('many');
    const channels = Object.fromEntries(names.map((room) => [`room:${room}`, 0]));
    const reply = await client.request({ type: 'resume', channels });
    expect(names.map((room) => reply['channels'][`room:${room}`])).toEqual([
      { seq: 0 },
      { seq: 0 },
      { seq: 0 },
      { error: 'limit_reached' },
    ]);
  });

  test('[RQ1] [RQ2] on a channel that is on already a gap names what lies between the position and where it began', async () => {
    const room = newRoom();
    const writer = await node.join('writer', room);
    for (let n = 0; n < 5; n++) await writer.request({ type: 'chat', room, content: String(n) });
    const reader = await node.join('reader', room);
    expect(await reader.request({ type: 'resume', channels: { [`room:${room}`]: 2 } })).toMatchObject({
      channels: { [`room:${room}`]: { seq: 5, already: true, gap: { from: 3, to: 5 } } },
    });
    expect(await reader.request({ type: 'join', room, since: 4 })).toMatchObject({
      seq: 5,
      already: true,
      gap: { from: 5, to: 5 },
    });
    expect(await reader.request({ type: 'join', room, since: 5 })).not.toHaveProperty('gap');
  });

  test('[RQ2] [HS5] an event that was stored since the welcome, and that the client has from elsewhere, is no reset', async () => {
    const old = await node.connect('both');
    // After its first request a connection is sent its channels at once: the event arrives before the other one's second is over.
    await old.fence();
    const fresh = await node.connect('both');
    const { seq } = await node.engine.publishToUser('both', 'between');
    await old.type('notification', 'user_event');
    expect(await fresh.request({ type: 'resume', channels: { user: seq } })).toMatchObject({
      channels: { user: { seq } },
    });
    await node.engine.publishToUser('both', 'after');
    expect(await fresh.type('notification', 'user_event')).toMatchObject({ seq: seq + 1 });
  });
});

describe('[FR2] what only the connection can know of a frame', () => {
  test('[FR2] [RQ6] [RQ12] counts as a bad frame, too', async () => {
    const client = await node.connect('odd');
    for (const room of [newRoom(), newRoom()]) await client.request({ type: 'join', room });
    for (let n = 0; n < 10; n++) {
      expect(await client.request({ type: 'history', channel: 'nothing' })).toMatchObject({
        code: 'bad_frame',
        field: 'channel',
      });
      expect(await client.request({ type: 'chat', content: 'to whom' })).toMatchObject({
        code: 'bad_frame',
        field: 'room',
      });
    }
    client.send({ type: 'history', channel: 'nothing' });
    expect(await client.closed).toEqual({ code: 4503, reason: 'too_many_bad_frames' });
  });
});

describe('publishing without a socket', () => {
  test.each([
    ['an id that is none', () => node.engine.publishToUser('ann', 'x', 'bad"id'), 'bad_request'],
    ['a user that is none', () => node.engine.publishToUser('a b', 'x'), 'bad_request'],
    ['no JSON', () => node.engine.broadcast(undefined), 'bad_request'],
    ['U+0000', () => node.engine.broadcast({ a: ['\0'] }), 'bad_request'],
    ['half a surrogate', () => node.engine.broadcast('\ud800'), 'bad_request'],
    ['more than 64 KiB', () => node.engine.broadcast(jsonOf(65_537)), 'too_large'],
    ['a room that is none', () => node.engine.setMember('a b', 'ann', true), 'bad_request'],
  ])('[FR4] [FR6] [FR8] %s is refused before anything is stored', async (_, publish, code) => {
    await expect(publish()).rejects.toMatchObject({ code });
  });

  test('[FR8] a text that only looks like an escape is a text', async () => {
    const client = await node.connect('esc');
    await node.engine.publishToUser('esc', 'a \\u0000 b');
    expect(await client.type('notification', 'user_event')).toMatchObject({ data: 'a \\u0000 b' });
  });
});

describe('[LC3] presence', () => {
  test('[LC3] [PU2] a user is alive as long as one device is, and goes without grace when the session is ended', async () => {
    const room = newRoom();
    const watcher = await node.join('watcher', room);
    const phone = await node.connect('two', { session: 'phone' });
    await phone.request({ type: 'join', room });
    await watcher.type('notification', 'joined');
    await node.engine.revoke({ session: 'phone' });
    expect(await phone.closed).toMatchObject({ code: 4502 });
    // The grace would be a minute.
    expect(await watcher.type('notification', 'left')).toMatchObject({ data: { users: ['two'] } });
  });
});

test('[RQ9] a refresh that is refused changes nothing: the old token’s time holds', async () => {
  const client = await node.connect('short', { ttlMs: 2_000 });
  expect(await client.request({ type: 'refresh', token: await node.token('other') })).toMatchObject({
    code: 'unauthorized',
  });
  expect(await client.closed).toMatchObject({ code: 4005 });
});
