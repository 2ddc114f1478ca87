import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Frame, TestClient } from '../support/client.ts';
import { TestEngine } from '../support/engine.ts';

// Positions that prove themselves: what a client has seen is held against the log that it comes back to.

const OTHER_LOG = '00000000-0000-4000-8000-000000000000';

let node: TestEngine;
let rooms = 0;

beforeAll(async () => {
  node = await TestEngine.start();
});

afterAll(() => node.stop());

/** A room with messages `m1` to `m{count}` of bob's. */
async function filledRoom(count: number): Promise<string> {
  const room = `positions-${++rooms}`;
  const bob = await node.join('bob', room);
  for (let n = 1; n <= count; n++)
    await bob.request({ type: 'chat', room, content: String(n), id: `${room}-m${n}` });
  await bob.close();
  return room;
}

const seqs = (client: TestClient, room: string): unknown[] =>
  client.frames.filter((frame) => frame['type'] === 'chat' && frame['room'] === room).map(({ seq }) => seq);

async function resumed(client: TestClient, name: string, position: unknown, log?: string): Promise<Frame> {
  const { channels } = await client.request({ type: 'resume', log, channels: { [name]: position } });
  return (channels as Record<string, Frame>)[name] as Frame;
}

describe('[RQ1] [RQ2] a position with the message that was seen last', () => {
  test('[RQ1] [RQ2] that the log holds there: on behind it', async () => {
    const room = await filledRoom(4);
    const since = { seq: 2, id: `${room}-m2`, from: 'bob' };
    const [one, two] = [await node.connect('ann'), await node.connect('ann')];
    const { log } = one.welcomed;
    expect(await one.request({ type: 'join', room, log, since })).toMatchObject({ seq: 4 });
    expect(await resumed(two, `room:${room}`, since, log)).toEqual({ seq: 4 });
    for (const client of [one, two]) {
      await client.chat(room, '4');
      expect(seqs(client, room)).toEqual([3, 4]);
    }
  });

  test.each([
    ['id', { id: 'another', from: 'bob' }],
    ['sender', { from: 'eve' }],
  ])('[RQ1] [RQ2] another %s there: reset, live from the head', async (_, other) => {
    const room = await filledRoom(3);
    const since = { seq: 2, id: `${room}-m2`, ...other };
    const [one, two] = [await node.connect('ann'), await node.connect('ann')];
    const ack = await one.request({ type: 'join', room, since });
    expect(ack).toMatchObject({ seq: 3, reset: true });
    expect(ack).not.toHaveProperty('gap');
    expect(await resumed(two, `room:${room}`, since)).toEqual({ seq: 3, reset: true });
    await one.request({ type: 'chat', room, content: 'live' });
    for (const client of [one, two]) {
      await client.chat(room, 'live');
      expect(seqs(client, room)).toEqual([4]);
    }
  });

  test('[RQ1] [RQ2] with its time, the same id and sender stored at another time is another message', async () => {
    const room = await filledRoom(3);
    const { timestamp } = await (
      await node.join('ann', room)
    ).request({
      type: 'chat',
      room,
      content: 'm4',
      id: 'm4',
    });
    const same = new Date(Date.parse(timestamp as string)).toISOString().replace('Z', '+00:00');
    const other = new Date(Date.parse(timestamp as string) + 1).toISOString();
    for (const [at, reset] of [
      [timestamp, {}],
      [same, {}],
      [other, { reset: true }],
    ] as const) {
      const since = { seq: 4, id: 'm4', from: 'ann', timestamp: at };
      const client = await node.connect('ben');
      expect(await resumed(client, `room:${room}`, since)).toEqual({ seq: 4, ...reset });
    }
  });

  test('[RQ1] [RQ2] above the head, or of another log: reset', async () => {
    const room = await filledRoom(2);
    const client = await node.connect('ann');
    const above = { seq: 3, id: 'm3', from: 'bob' };
    expect(await client.request({ type: 'join', room, since: above })).toMatchObject({ seq: 2, reset: true });
    await client.request({ type: 'leave', room });
    const whole = { seq: 1, id: `${room}-m1`, from: 'bob' };
    for (const since of [1, whole]) {
      expect(await client.request({ type: 'join', room, log: OTHER_LOG, since })).toMatchObject({
        seq: 2,
        reset: true,
      });
      await client.request({ type: 'leave', room });
    }
    expect(await resumed(client, `room:${room}`, whole, OTHER_LOG)).toEqual({ seq: 2, reset: true });
    await client.fence();
    expect(seqs(client, room)).toEqual([]);
  });

  test('[RQ1] [RQ2] whose message is not kept any more: it counts as a number does', async () => {
    const room = await filledRoom(4);
    await node.database.query('delete from vagus.messages where channel = $1 and seq <= 2', [`room:${room}`]);
    const client = await node.connect('ann');
    const since = { seq: 1, id: 'whatever', from: 'bob' };
    expect(await client.request({ type: 'join', room, since })).not.toHaveProperty('reset');
    await client.chat(room, '4');
    expect(client.notifications('skipped').map(({ data }) => data)).toEqual([
      { channel: `room:${room}`, from: 2, to: 2 },
    ]);
    expect(seqs(client, room)).toEqual([3, 4]);
  });

  test('[RQ1] [RQ2] [HS5] of another timeline of the log: only its message proves it', async () => {
    const room = await filledRoom(4);
    await node.database.query('delete from vagus.messages where channel = $1 and seq = 1', [`room:${room}`]);
    const client = await node.connect('ann');
    const log = `${client.welcomed['log']}.7`;
    const at = (seq: number, id = `${room}-m${seq}`): object => ({ seq, id, from: 'bob' });
    const means = [at(2), 0];
    // Of another message, of one that is not kept, of none, and above the head.
    const meansNothing = [at(3, 'another'), at(1), 4, at(5)];
    for (const since of [...means, ...meansNothing]) {
      const reset = meansNothing.includes(since) ? { reset: true } : {};
      const { access: _, metadata: __, ...ack } = await client.request({ type: 'join', room, log, since });
      expect(ack).toMatchObject({ room, seq: 4, ...reset });
      expect('reset' in ack, JSON.stringify(since)).toBe('reset' in reset);
      // Joined, it is answered by what is on.
      const already = await client.request({ type: 'join', room, log, since });
      expect('reset' in already, JSON.stringify(since)).toBe('reset' in reset);
      await client.request({ type: 'leave', room });
      expect(await resumed(client, `room:${room}`, since, log)).toEqual({ seq: 4, ...reset });
      await client.request({ type: 'leave', room });
    }
  });

  test('[RQ2] [HS5] of the two channels of everyone: by seq, id and time', async () => {
    for (let n = 1; n <= 3; n++) await node.engine.publishToUser('dora', n, `e${n}`);
    const [one, two] = [await node.connect('dora'), await node.connect('dora')];
    expect(await resumed(one, 'user', { seq: 1, id: 'e1' })).toEqual({ seq: 3 });
    expect((await one.next(({ seq }) => seq === 3))['data']).toBe(3);
    expect(await resumed(two, 'user', { seq: 1, id: 'another' })).toEqual({ seq: 3, reset: true });
    await node.engine.publishToUser('dora', 4, 'e4');
    const event = await two.type('notification', 'user_event');
    expect(event).toMatchObject({ seq: 4, id: 'e4' });
    const { id, timestamp } = event;
    const other = new Date(Date.parse(timestamp as string) - 1).toISOString();
    const [three, four] = [await node.connect('dora'), await node.connect('dora')];
    expect(await resumed(three, 'user', { seq: 4, id, timestamp })).toEqual({ seq: 4 });
    expect(await resumed(four, 'user', { seq: 4, id, timestamp: other })).toEqual({ seq: 4, reset: true });
  });

  test('[RQ1] [RQ2] on a channel that is on already: reset is said beside it', async () => {
    const room = await filledRoom(3);
    const client = await node.join('ann', room);
    const other = { seq: 2, id: 'another', from: 'bob' };
    for (const since of [other, 9])
      expect(await client.request({ type: 'join', room, since })).toMatchObject({
        seq: 3,
        already: true,
        reset: true,
      });
    expect(await resumed(client, `room:${room}`, other)).toEqual({ seq: 3, already: true, reset: true });
    expect(await resumed(client, `room:${room}`, 1, OTHER_LOG)).toEqual({
      seq: 3,
      already: true,
      reset: true,
    });
  });

  test.each([
    [-1],
    ['1'],
    [{ id: 'm' }],
    [{ seq: 1, id: 'a b' }],
    [{ seq: 1, id: 'm', from: 1 }],
    [{ seq: 1, id: 'm', timestamp: 'now' }],
  ])('[FR2] [RQ1] [RQ2] %j is no position', async (position) => {
    const client = await node.connect('ann');
    expect(await client.request({ type: 'join', room: 'r', since: position })).toMatchObject({
      code: 'bad_frame',
      field: 'since',
    });
    expect(await client.request({ type: 'resume', channels: { 'room:r': position } })).toMatchObject({
      code: 'bad_frame',
      field: 'channels',
    });
  });
});
