import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Frame, TestClient } from '../support/client.ts';
import { TestEngine } from '../support/engine.ts';

let node: TestEngine;
beforeAll(async () => {
  node = await TestEngine.start();
});
afterAll(() => node.stop());

let rooms = 0;
const newRoom = (): string => `r${++rooms}`;

/** A room with messages `1` to `count`, put into the log as the engine would. */
async function filledRoom(count: number): Promise<string> {
  const room = newRoom();
  await node.database.query(`insert into vagus.channels values ('room:' || $1, 1, 'somebody', $2)`, [
    room,
    count,
  ]);
  await node.database.query(`insert into vagus.rooms (room, access) values ($1, 'public')`, [room]);
  await node.database.query(
    `insert into vagus.messages (channel, seq, epoch, sender, id, content, stored_at)
     select 'room:' || $1, n, 1, 'writer', 'm' || n, n::text, now() from generate_series(1, $2::int) n`,
    [room, count],
  );
  return room;
}

const seqs = (client: TestClient, room: string): number[] =>
  client.frames
    .filter((frame) => frame['type'] === 'chat' && frame['room'] === room)
    .map((frame) => frame['seq'] as number);

const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, at) => from + at);

describe('[RQ1] join', () => {
  test('[RQ1] without since: live only', async () => {
    const room = await filledRoom(3);
    const client = await node.connect('ann');
    expect(await client.request({ type: 'join', room, id: 'j' })).toEqual({
      type: 'ack',
      id: 'j',
      room,
      access: 'public',
      metadata: {},
      seq: 3,
    });
    await client.request({ type: 'chat', room, content: 'live' });
    await client.chat(room, 'live');
    expect(seqs(client, room)).toEqual([4]);
  });

  test('[RQ1] with since: the messages after it, in order, after the ack, then the live ones', async () => {
    const room = await filledRoom(5);
    const client = await node.connect('ann');
    expect(await client.request({ type: 'join', room, since: 2, id: 'j' })).toEqual({
      type: 'ack',
      id: 'j',
      room,
      access: 'public',
      metadata: {},
      seq: 5,
    });
    await client.request({ type: 'chat', room, content: 'live' });
    await client.chat(room, 'live');
    expect(seqs(client, room)).toEqual([3, 4, 5, 6]);
    const ack = client.frames.findIndex((frame) => frame['id'] === 'j');
    expect(client.frames.findIndex((frame) => frame['type'] === 'chat')).toBeGreaterThan(ack);
  });

  test('[RQ1] more than 1,000 behind: the newest 1,000 and a gap', async () => {
    const room = await filledRoom(2_500);
    const client = await node.connect('ann');
    expect(await client.request({ type: 'join', room, since: 7 })).toMatchObject({
      seq: 2_500,
      gap: { from: 8, to: 1_500 },
    });
    await client.next((frame) => frame['type'] === 'chat' && frame['seq'] === 2_500);
    expect(seqs(client, room)).toEqual(range(1_501, 2_500));
  });

  test('[RQ1] exactly 1,000 behind: no gap', async () => {
    const room = await filledRoom(1_010);
    const client = await node.connect('ann');
    expect(await client.request({ type: 'join', room, since: 10 })).not.toHaveProperty('gap');
    await client.next((frame) => frame['type'] === 'chat' && frame['seq'] === 1_010);
    expect(seqs(client, room)).toEqual(range(11, 1_010));
  });

  test('[RQ1] while messages are being stored: no gap and no repeat between replay and live', async () => {
    const room = newRoom();
    const writer = await node.join('writer', room);
    let sent = 0;
    const writing = { isOver: false };
    const written = (async () => {
      while (!writing.isOver)
        await Promise.all(
          range(1, 20).map(() => writer.request({ type: 'chat', room, content: String(++sent) })),
        );
    })();
    const readers: TestClient[] = [];
    for (let n = 0; n < 15; n++) {
      const reader = await node.connect(`reader-${n}`);
      await reader.request({ type: 'join', room, since: n % 3 === 0 ? 0 : Math.max(0, sent - 30) });
      readers.push(reader);
    }
    writing.isOver = true;
    await written;
    await writer.request({ type: 'chat', room, content: 'end' });
    for (const reader of readers) {
      const last = await reader.chat(room, 'end');
      const got = seqs(reader, room);
      expect(got).toEqual(range(got[0] as number, last['seq'] as number));
    }
  });

  test('[RQ1] already joined: "already", and nothing is replayed', async () => {
    const room = await filledRoom(3);
    const client = await node.join('ann', room);
    const already = { type: 'ack', id: 'again', room, access: 'public', metadata: {}, seq: 3, already: true };
    expect(await client.request({ type: 'join', room, id: 'again' })).toEqual(already);
    expect(await client.request({ type: 'join', room, since: 3, id: 'again' })).toEqual(already);
    // What it asks for and is not sent is named.
    const gap = { from: 1, to: 3 };
    expect(await client.request({ type: 'join', room, since: 0, id: 'again' })).toEqual({ ...already, gap });
    await client.fence();
    expect(seqs(client, room)).toEqual([]);
  });

  test('[RQ1] since above the head: "reset", and live from the head', async () => {
    const room = await filledRoom(3);
    const client = await node.connect('ann');
    expect(await client.request({ type: 'join', room, since: 9 })).toMatchObject({ seq: 3, reset: true });
    await client.request({ type: 'chat', room, content: 'x' });
    expect(await client.chat(room, 'x')).toMatchObject({ seq: 4 });
  });

  test('[RQ1] tells access and metadata', async () => {
    const client = await node.connect('ann');
    const { room } = await client.request({
      type: 'create',
      access: 'private',
      metadata: { topic: 'tea', order: [2, 1] },
    });
    expect(await client.request({ type: 'join', room })).toMatchObject({
      access: 'private',
      metadata: { topic: 'tea', order: [2, 1] },
    });
  });

  test('[LM5] 100 rooms a connection, one more is limit_reached until one is left', async () => {
    const client = await node.connect('many');
    for (const n of range(1, 100)) client.send({ type: 'join', room: `many-${n}`, id: `j${n}` });
    expect(await client.reply('j100')).toMatchObject({ type: 'ack' });
    expect(await client.request({ type: 'join', room: 'many-101' })).toMatchObject({
      code: 'limit_reached',
      retryable: false,
    });
    expect(await client.request({ type: 'join', room: 'many-1' })).toMatchObject({ already: true });
    await client.request({ type: 'leave', room: 'many-1' });
    expect(await client.request({ type: 'join', room: 'many-101' })).toMatchObject({ type: 'ack' });
  });
});

describe('[RQ2] resume', () => {
  test('[RQ2] goes on after each position, with one ack that comes before', async () => {
    const [one, two] = [await filledRoom(5), await filledRoom(3)];
    const client = await node.connect('ann');
    const ack = await client.request({
      type: 'resume',
      channels: { [`room:${one}`]: 3, [`room:${two}`]: 3 },
      id: 'r',
    });
    expect(ack).toEqual({
      type: 'ack',
      id: 'r',
      channels: { [`room:${one}`]: { seq: 5 }, [`room:${two}`]: { seq: 3 } },
    });
    await client.request({ type: 'chat', room: two, content: 'live' });
    await client.chat(two, 'live');
    expect(seqs(client, one)).toEqual([4, 5]);
    expect(seqs(client, two)).toEqual([4]);
    expect(client.frames.findIndex((frame) => frame['id'] === 'r')).toBeLessThan(
      client.frames.findIndex((frame) => frame['type'] === 'chat'),
    );
  });

  test('[RQ2] joins the rooms it names', async () => {
    const room = newRoom();
    const client = await node.connect('ann');
    await client.request({ type: 'resume', channels: { [`room:${room}`]: 0 } });
    expect(await client.request({ type: 'presence', room })).toMatchObject({ members: [{ user: 'ann' }] });
  });

  test('[RQ2] at most 1,000 a channel; the gap names exactly what is not replayed', async () => {
    const room = await filledRoom(5_700);
    const client = await node.connect('ann');
    const { channels } = await client.request({ type: 'resume', channels: { [`room:${room}`]: 41 } });
    expect(channels).toEqual({ [`room:${room}`]: { seq: 5_700, gap: { from: 42, to: 4_700 } } });
    await client.next((frame) => frame['type'] === 'chat' && frame['seq'] === 5_700);
    expect(seqs(client, room)).toEqual(range(4_701, 5_700));
    const { messages, more } = await client.request({ type: 'history', room, after: 41, limit: 200 });
    expect([messages[0].seq, messages.length, more]).toEqual([42, 200, true]);
  });

  test('[RQ2] at most 10,000 a request', async () => {
    const filled = await Promise.all(range(1, 11).map(() => filledRoom(1_000)));
    const client = await node.connect('ann');
    const { channels } = await client.request({
      type: 'resume',
      channels: Object.fromEntries(filled.map((room) => [`room:${room}`, 0])),
    });
    const replies = filled.map((room) => channels[`room:${room}`] as Frame);
    const replayed = replies.map(
      (reply) => (reply['seq'] as number) - ((reply['gap'] as { to: number } | undefined)?.to ?? 0),
    );
    expect(replayed.reduce((sum, count) => sum + count, 0)).toBe(10_000);
    await client.until(() => client.frames.filter((frame) => frame['type'] === 'chat').length >= 10_000);
    await client.fence();
    expect(client.frames.filter((frame) => frame['type'] === 'chat')).toHaveLength(10_000);
  });

  test('[RQ2] a position above the head, or of another log: reset, live from the head', async () => {
    const [one, two] = [await filledRoom(3), await filledRoom(3)];
    const client = await node.connect('ann');
    const above = await client.request({ type: 'resume', channels: { [`room:${one}`]: 4 } });
    expect(above['channels']).toEqual({ [`room:${one}`]: { seq: 3, reset: true } });
    const other = await client.request({
      type: 'resume',
      log: '00000000-0000-4000-8000-000000000000',
      channels: { [`room:${two}`]: 1 },
    });
    expect(other['channels']).toEqual({ [`room:${two}`]: { seq: 3, reset: true } });
    await client.fence();
    expect(client.chats(one)).toEqual([]);
    expect(client.chats(two)).toEqual([]);
  });

  test('[RQ2] the same log is no reset', async () => {
    const room = await filledRoom(2);
    const client = await node.connect('ann');
    const { log } = client.welcomed as { log: string };
    expect(
      (await client.request({ type: 'resume', log, channels: { [`room:${room}`]: 1 } }))['channels'],
    ).toEqual({ [`room:${room}`]: { seq: 2 } });
  });

  test('[RQ2] [JW4] a room without the right is forbidden, the others go on', async () => {
    const owner = await node.connect('owner');
    const { room: secret } = await owner.request({ type: 'create', access: 'private' });
    const open = await filledRoom(1);
    const client = await node.connect('ann');
    const { channels } = await client.request({
      type: 'resume',
      channels: { [`room:${secret}`]: 0, [`room:${open}`]: 0 },
    });
    expect(channels).toEqual({ [`room:${secret}`]: { error: 'forbidden' }, [`room:${open}`]: { seq: 1 } });
  });

  test('[RQ2] a channel that is on already is not replayed', async () => {
    const room = await filledRoom(3);
    const client = await node.join('ann', room);
    const { channels } = await client.request({ type: 'resume', channels: { [`room:${room}`]: 0, user: 0 } });
    expect(channels).toMatchObject({ [`room:${room}`]: { seq: 3, already: true }, user: { already: true } });
    await client.fence();
    expect(client.chats(room)).toEqual([]);
  });
});

test('[RQ13] requests that change rooms are taken one at a time, and frames behind them wait', async () => {
  const client = await node.connect('pipe');
  const room = newRoom();
  client.send({ type: 'join', id: '1', room });
  client.send({ type: 'chat', id: '2', content: 'short form' });
  client.send({ type: 'leave', id: '3', room });
  client.send({ type: 'chat', id: '4', content: 'short form' });
  client.send({ type: 'join', id: '5', room, since: 0 });
  expect(await client.reply('2')).toMatchObject({ room, seq: 1 });
  expect(await client.reply('3')).toMatchObject({ room });
  expect(await client.reply('4')).toMatchObject({ code: 'not_joined' });
  expect(await client.reply('5')).toMatchObject({ room });
});

describe('[RQ3] leave', () => {
  test('[RQ3] after its ack nothing of the room comes any more', async () => {
    const room = newRoom();
    const [client, other] = [await node.join('ann', room), await node.join('ben', room)];
    const chatter = range(1, 30).map((n) => other.request({ type: 'chat', room, content: String(n) }));
    expect(await client.request({ type: 'leave', room, id: 'l' })).toEqual({ type: 'ack', id: 'l', room });
    await Promise.all(chatter);
    await other.request({ type: 'chat', room, content: 'after' });
    await client.fence();
    const ack = client.frames.findIndex((frame) => frame['id'] === 'l');
    expect(
      client.frames.slice(ack).filter((frame) => frame['room'] === room && frame['type'] === 'chat'),
    ).toEqual([]);
  });

  test('[RQ3] not joined: not_joined', async () => {
    const client = await node.connect('ann');
    expect(await client.request({ type: 'leave', room: newRoom() })).toMatchObject({
      code: 'not_joined',
      retryable: false,
    });
  });
});

describe('[RQ4] chat', () => {
  test('[RQ4] is acked with room, seq and time once it is in PostgreSQL', async () => {
    const room = newRoom();
    const client = await node.join('ann', room);
    const ack = await client.request({ type: 'chat', room, content: 'hi', data: { a: 1 }, id: 'c' });
    expect(ack).toEqual({ type: 'ack', id: 'c', room, seq: 1, timestamp: expect.any(String) });
    const [row] = await node.database.query(
      'select seq, sender, id, content, data from vagus.messages where channel = $1',
      [`room:${room}`],
    );
    expect(row).toEqual({ seq: '1', sender: 'ann', id: 'c', content: 'hi', data: '{"a":1}' });
  });

  test('[RQ4] needs no join; a joined sender gets its own message too', async () => {
    const room = newRoom();
    const [outside, inside] = [await node.connect('out'), await node.join('in', room)];
    await outside.request({ type: 'chat', room, content: 'from outside' });
    await inside.request({ type: 'chat', room, content: 'from inside' });
    await inside.chat(room, 'from inside');
    expect(inside.chats(room)).toEqual(['1 from outside', '2 from inside']);
    await outside.fence();
    expect(outside.chats(room)).toEqual([]);
  });

  test('[PU1] the frame that those joined get', async () => {
    const room = newRoom();
    const [ann, ben] = [await node.join('ann', room), await node.join('ben', room)];
    const sentAt = '2026-01-02T03:04:05.678Z';
    const { timestamp } = await ann.request({
      type: 'chat',
      room,
      id: 'p',
      content: 'hi',
      data: { b: [] },
      timestamp: sentAt,
    });
    expect(await ben.type('chat')).toEqual({
      type: 'chat',
      room,
      seq: 1,
      id: 'p',
      from: 'ann',
      content: 'hi',
      data: { b: [] },
      timestamp,
      sentAt,
    });
  });
});

describe('[RQ5] signal', () => {
  test('[RQ5] reaches the others who are present, and is not stored', async () => {
    const room = newRoom();
    const [ann, ben, cas] = [
      await node.join('ann', room),
      await node.join('ben', room),
      await node.connect('cas'),
    ];
    expect(await ann.request({ type: 'signal', room, data: { typing: true }, id: 's' })).toEqual({
      type: 'ack',
      id: 's',
      room,
    });
    expect(await ben.type('notification', 'signal')).toEqual({
      type: 'notification',
      action: 'signal',
      room,
      from: 'ann',
      data: { typing: true },
    });
    await ann.request({ type: 'chat', room, content: 'x' });
    await Promise.all([ann.chat(room, 'x'), cas.fence()]);
    expect([ann, cas].flatMap((client) => client.notifications('signal'))).toEqual([]);
    expect((await ann.request({ type: 'history', room }))['messages']).toHaveLength(1);
  });

  test('[RQ5] reaches one’s other devices: only the connection that sent it is left out', async () => {
    const room = newRoom();
    const [phone, laptop] = [await node.join('ann', room), await node.join('ann', room)];
    phone.send({ type: 'signal', room, data: 1 });
    expect(await laptop.type('notification', 'signal')).toMatchObject({ from: 'ann', data: 1 });
  });

  test('[RQ5] without a join: not_joined', async () => {
    const client = await node.connect('ann');
    expect(await client.request({ type: 'signal', room: newRoom(), data: null })).toMatchObject({
      code: 'not_joined',
    });
  });
});

describe('[RQ6] history', () => {
  let room: string;
  let client: TestClient;
  beforeAll(async () => {
    room = await filledRoom(300);
    client = await node.connect('ann');
  });
  const ask = async (request: object): Promise<{ seqs: number[]; more: boolean }> => {
    const { messages, more } = await client.request({ type: 'history', room, ...request });
    return { seqs: messages.map((message: { seq: number }) => message.seq), more };
  };

  test('[RQ6] neither after nor before: the newest 50', async () => {
    expect(await ask({})).toEqual({ seqs: range(251, 300), more: true });
  });
  test('[RQ6] after and before are exclusive, the result ascends, more is in the direction asked', async () => {
    expect(await ask({ after: 298 })).toEqual({ seqs: [299, 300], more: false });
    expect(await ask({ after: 10, limit: 2 })).toEqual({ seqs: [11, 12], more: true });
    expect(await ask({ before: 3 })).toEqual({ seqs: [1, 2], more: false });
    expect(await ask({ before: 100, limit: 2 })).toEqual({ seqs: [98, 99], more: true });
    expect(await ask({ limit: 200 })).toEqual({ seqs: range(101, 300), more: true });
    expect(await ask({ after: 300 })).toEqual({ seqs: [], more: false });
  });
  test('[RQ6] bears channel and room, and whole frames', async () => {
    const own = newRoom();
    const ann = await node.join('ann', own);
    await ann.request({ type: 'chat', room: own, content: 'x', data: { a: 1 } });
    const live = await ann.type('chat');
    expect(await ann.request({ type: 'history', room: own, id: 'h' })).toEqual({
      type: 'history',
      id: 'h',
      channel: `room:${own}`,
      room: own,
      messages: [live],
      more: false,
    });
    expect(await ann.request({ type: 'history', channel: `room:${own}` })).toMatchObject({
      messages: [live],
    });
  });
  test('[RQ6] reads broadcast and the own user channel', async () => {
    await node.engine.broadcast({ n: 1 });
    await node.engine.publishToUser('his', { n: 2 }, 'own-id');
    const his = await node.connect('his');
    const everyone = await his.request({ type: 'history', channel: 'broadcast', id: 'b' });
    expect(everyone).toEqual({
      type: 'history',
      id: 'b',
      channel: 'broadcast',
      more: expect.any(Boolean),
      messages: expect.any(Array),
    });
    expect(everyone['messages'].at(-1)).toMatchObject({
      type: 'notification',
      action: 'broadcast',
      data: { n: 1 },
    });
    const own = await his.request({ type: 'history', channel: 'user' });
    expect(own).toMatchObject({
      channel: 'user',
      messages: [{ type: 'notification', action: 'user_event', seq: 1, id: 'own-id', data: { n: 2 } }],
    });
    const other = await node.connect('her');
    expect(await other.request({ type: 'history', channel: 'user' })).toMatchObject({ messages: [] });
  });
  test('[RQ6] a result ends at 256 KiB', async () => {
    const large = newRoom();
    const ann = await node.join('ann', large);
    for (const n of range(1, 8))
      await ann.request({ type: 'chat', room: large, content: `${n}${'x'.repeat(60_000)}` });
    const upward = await ann.request({ type: 'history', room: large, after: 0 });
    expect(upward['messages'].map((message: Frame) => message['seq'])).toEqual([1, 2, 3, 4]);
    expect(upward['more']).toBe(true);
    const downward = await ann.request({ type: 'history', room: large });
    expect(downward['messages'].map((message: Frame) => message['seq'])).toEqual([5, 6, 7, 8]);
    expect(JSON.stringify(downward).length).toBeLessThan(262_144 + 1_024);
  });
  test('[RQ6] characters that need escapes count as they are sent', async () => {
    const control = newRoom();
    const ann = await node.join('ann', control);
    for (const n of range(1, 6)) {
      const content = `${n}${'\u0001'.repeat(10_000)}`;
      expect(await ann.request({ type: 'chat', room: control, content })).toMatchObject({ type: 'ack' });
    }
    const { messages, more } = await ann.request({ type: 'history', room: control, after: 0 });
    expect([messages.length, more]).toEqual([4, true]);
  });
  test('[RQ6] a room that was never written to is empty', async () => {
    expect(await client.request({ type: 'history', room: newRoom() })).toMatchObject({
      messages: [],
      more: false,
    });
  });
});

describe('[RQ7] presence', () => {
  test('[RQ7] users with their devices, by user', async () => {
    const room = newRoom();
    const [ann] = [
      await node.join('ann', room),
      await node.join('cas', room),
      await node.join('ben', room),
      await node.join('ben', room),
    ];
    const page = await ann.request({ type: 'presence', room, id: 'p' });
    const member = (user: string, devices: number) => ({
      user,
      state: 'alive',
      since: expect.any(String),
      devices,
    });
    expect(page).toEqual({
      type: 'presence',
      id: 'p',
      room,
      members: [member('ann', 1), member('ben', 2), member('cas', 1)],
      total: 3,
      more: false,
    });
    expect(await ann.request({ type: 'presence', room, after: 'ann' })).toMatchObject({
      members: [{ user: 'ben' }, { user: 'cas' }],
      total: 3,
    });
    expect(await ann.request({ type: 'presence', room, after: 'b' })).toMatchObject({
      members: [{ user: 'ben' }, { user: 'cas' }],
    });
  });

  test('[RQ7] at most 200, then more', async () => {
    const room = newRoom();
    const clients = await Promise.all(range(100, 304).map((n) => node.join(`u${n}`, room)));
    const [client] = clients as [TestClient];
    const first = await client.request({ type: 'presence', room });
    expect([first['members'].length, first['total'], first['more']]).toEqual([200, 205, true]);
    const rest = await client.request({ type: 'presence', room, after: first['members'].at(-1).user });
    expect(rest['members'].map((member: Frame) => member['user'])).toEqual([
      'u300',
      'u301',
      'u302',
      'u303',
      'u304',
    ]);
    expect(rest['more']).toBe(false);
    for (const one of clients) one.terminate();
  });
});

describe('[RQ8] create', () => {
  test('[RQ8] the creator and the named members are its only members', async () => {
    const [ann, ben, cas] = [await node.connect('ann'), await node.connect('ben'), await node.connect('cas')];
    const room = newRoom();
    expect(await ann.request({ type: 'create', room, access: 'private', members: ['ben'], id: 'c' })).toEqual(
      { type: 'ack', id: 'c', room },
    );
    expect(await ann.request({ type: 'join', room })).toMatchObject({ type: 'ack', access: 'private' });
    expect(await ben.request({ type: 'join', room })).toMatchObject({ type: 'ack' });
    expect(await cas.request({ type: 'join', room })).toMatchObject({ code: 'forbidden' });
    const [row] = await node.database.query('select creator, access from vagus.rooms where room = $1', [
      room,
    ]);
    expect(row).toEqual({ creator: 'ann', access: 'private' });
  });

  test('[RQ8] twice: already_exists', async () => {
    const ann = await node.connect('ann');
    const room = newRoom();
    await ann.request({ type: 'create', room, access: 'public' });
    expect(await ann.request({ type: 'create', room, access: 'public' })).toMatchObject({
      code: 'already_exists',
      retryable: false,
    });
  });

  test('[RQ8] of many at once one succeeds', async () => {
    const room = newRoom();
    const clients = await Promise.all(range(1, 8).map((n) => node.connect(`racer${n}`)));
    const replies = await Promise.all(
      clients.map((client) => client.request({ type: 'create', room, access: 'private' })),
    );
    expect(replies.map((reply) => reply['type']).toSorted()).toEqual([
      'ack',
      ...range(1, 7).map(() => 'error'),
    ]);
  });
});

describe('[RQ9] refresh', () => {
  test('[RQ9] with a good token: the new expiry', async () => {
    const client = await node.connect('ann', { ttlMs: 60_000 });
    const reply = await client.request({
      type: 'refresh',
      token: await node.token('ann', { ttlMs: 7_200_000 }),
      id: 'r',
    });
    expect(reply).toEqual({ type: 'ack', id: 'r', expiresAt: expect.any(String) });
    expect(Date.parse(reply['expiresAt'] as string) - Date.now()).toBeGreaterThan(7_000_000);
  });

  test('[RQ9] another sub, or a token that would be refused: unauthorized, and nothing changes', async () => {
    const client = await node.connect('ann');
    for (const token of [
      'x',
      await node.token('ben'),
      await node.token('ann', { ttlMs: -60_000 }),
      await node.token('ann', { secret: 'y'.repeat(32) }),
    ]) {
      expect(await client.request({ type: 'refresh', token })).toMatchObject({
        code: 'unauthorized',
        retryable: false,
      });
    }
    expect(await client.request({ type: 'chat', room: newRoom(), content: 'x' })).toMatchObject({
      type: 'ack',
    });
  });
});

test('[RQ10] a ping gets a pong', async () => {
  const client = await node.connect('ann');
  client.send({ type: 'heartbeat', status: 'ping' });
  expect(await client.type('heartbeat')).toEqual({
    type: 'heartbeat',
    status: 'pong',
    timestamp: expect.any(String),
  });
  expect(await client.request({ type: 'heartbeat', status: 'pong', id: 'p' })).toEqual({
    type: 'ack',
    id: 'p',
  });
});

describe('[RQ12] the short form of chat', () => {
  test('[RQ12] goes to the one room that is joined', async () => {
    const room = newRoom();
    const client = await node.connect('ann');
    client.send({ type: 'join', room });
    client.send({ type: 'chat', content: 'hi', timestamp: '2026-01-01T00:00:00.000Z' });
    expect(await client.type('chat')).toMatchObject({
      room,
      content: 'hi',
      sentAt: '2026-01-01T00:00:00.000Z',
    });
  });
  test('[RQ12] with none: not_joined; with two: bad_frame, field room', async () => {
    const client = await node.connect('ann');
    expect(await client.request({ type: 'chat', content: 'x' })).toMatchObject({ code: 'not_joined' });
    await client.request({ type: 'join', room: newRoom() });
    await client.request({ type: 'join', room: newRoom() });
    expect(await client.request({ type: 'chat', content: 'x' })).toMatchObject({
      code: 'bad_frame',
      field: 'room',
    });
  });
});
