import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ERROR_CODES, SOCKET_ERROR_CODES } from '../../src/protocol/codes.ts';
import type { TestClient } from '../support/client.ts';
import { TestEngine } from '../support/engine.ts';

let node: TestEngine;
let client: TestClient;
beforeAll(async () => {
  node = await TestEngine.start();
  client = await node.connect('alice');
});
afterAll(() => node.stop());

describe('[FR1] one JSON object in one text message', () => {
  test('[FR1] [LM1] 65,536 bytes are taken, one more closes with 1009', async () => {
    const own = await node.join('big', 'big');
    const frame = (bytes: number): string => {
      const empty = JSON.stringify({ type: 'chat', room: 'big', content: '' });
      return JSON.stringify({ type: 'chat', room: 'big', content: 'x'.repeat(bytes - empty.length) });
    };
    own.send(frame(65_536));
    expect(await own.type('chat')).toMatchObject({ seq: 1 });
    own.send(frame(65_537));
    expect(await own.closed).toMatchObject({ code: 1009 });
  });

  test('[FR1] bytes count, not characters', async () => {
    const own = await node.connect('big');
    own.send(JSON.stringify({ type: 'chat', room: 'big', content: 'é'.repeat(32_760) }));
    expect(await own.closed).toMatchObject({ code: 1009 });
  });

  test('[FR1] a message in many fragments counts as one', async () => {
    const own = await node.connect('frag');
    const piece = 'x'.repeat(1_000);
    own.ws.send('{"type":"heartbeat","status":"ping","id":"f","pad":"', { fin: false });
    for (let n = 0; n < 60; n++) own.ws.send(piece, { fin: false });
    own.ws.send('"}', { fin: true });
    expect(await own.type('heartbeat')).toMatchObject({ id: 'f', status: 'pong' });
    for (let n = 0; n < 34; n++) own.ws.send(piece + piece, { fin: false });
    expect(await own.closed).toMatchObject({ code: 1009 });
  });

  test('[FR1] a binary message closes with 1003', async () => {
    const own = await node.connect('bin');
    own.ws.send(Buffer.from('{"type":"heartbeat","status":"ping"}'));
    expect(await own.closed).toMatchObject({ code: 1003 });
  });

  test('[FR1] invalid UTF-8 closes with 1007', async () => {
    const own = await node.connect('utf');
    own.ws.send(Buffer.from([0x7b, 0xc3, 0x28, 0x7d]), { binary: false });
    expect(await own.closed).toMatchObject({ code: 1007 });
  });
});

describe('[FR2] frames that break the protocol', () => {
  test.each<[string, string, string | undefined]>([
    ['text that is not JSON', 'hello', undefined],
    ['nothing', '', undefined],
    ['a string', '"chat"', undefined],
    ['an array', '[{"type":"heartbeat"}]', undefined],
    ['null', 'null', undefined],
    ['no type', '{}', 'type'],
    ['an unknown type', '{"type":"dance"}', 'type'],
    ['a type that every object has', '{"type":"constructor"}', 'type'],
    ['a type that is no text', '{"type":7}', 'type'],
    ['a room that is no id', '{"type":"join","room":"a room"}', 'room'],
    ['a missing room', '{"type":"join"}', 'room'],
    ['a room of 65 characters', `{"type":"join","room":"${'r'.repeat(65)}"}`, 'room'],
    ['a position below 0', '{"type":"join","room":"r","since":-1}', 'since'],
    ['a position that is no whole number', '{"type":"join","room":"r","since":1.5}', 'since'],
    ['empty content', '{"type":"chat","room":"r","content":""}', 'content'],
    ['no content', '{"type":"chat","room":"r"}', 'content'],
    ['content that is no text', '{"type":"chat","room":"r","content":{"a":1}}', 'content'],
    ['data that is no object', '{"type":"chat","room":"r","content":"x","data":[1]}', 'data'],
    ['data that is null', '{"type":"chat","room":"r","content":"x","data":null}', 'data'],
    ['a time that is none', '{"type":"chat","room":"r","content":"x","timestamp":"noon"}', 'timestamp'],
    [
      'a time of a broken clock',
      '{"type":"chat","room":"r","content":"x","timestamp":"1969-12-31T23:59:59.999Z"}',
      'timestamp',
    ],
    ['a number out of range', '{"type":"chat","room":"r","content":"x","data":{"a":1e999}}', 'data'],
    ['channels that are no object', '{"type":"resume","channels":["broadcast"]}', 'channels'],
    ['a position that is no number', '{"type":"resume","channels":{"broadcast":"3"}}', 'channels'],
    ['a channel that is none', '{"type":"resume","channels":{"rooms":3}}', 'channels'],
    ['another user’s channel', '{"type":"resume","channels":{"user:bob":3}}', 'channels'],
    ['after and before', '{"type":"history","room":"r","after":1,"before":2}', 'before'],
    ['room and channel', '{"type":"history","room":"r","channel":"user"}', 'channel'],
    ['neither room nor channel', '{"type":"history"}', 'room'],
    ['another user’s history', '{"type":"history","channel":"user:bob"}', 'channel'],
    ['a limit of 0', '{"type":"history","room":"r","limit":0}', 'limit'],
    ['a limit of 201', '{"type":"history","room":"r","limit":201}', 'limit'],
    ['an access that is none', '{"type":"create","access":"secret"}', 'access'],
    ['a member that is no user', '{"type":"create","access":"private","members":["a b"]}', 'members'],
    [
      'metadata of more than 8 KiB',
      `{"type":"create","access":"public","metadata":{"a":"${'é'.repeat(4_096)}"}}`,
      'metadata',
    ],
    ['a signal of more than 4 KiB', `{"type":"signal","room":"r","data":"${'é'.repeat(2_048)}"}`, 'data'],
    ['a signal without data', '{"type":"signal","room":"r"}', 'data'],
    ['a heartbeat that is none', '{"type":"heartbeat","status":"pang"}', 'status'],
    ['an empty token', '{"type":"refresh","token":""}', 'token'],
  ])('[FR2] [PU4] %s: bad_frame', async (_, text, field) => {
    const own = await node.connect('mallory');
    own.send(text);
    const error = await own.type('error');
    expect(error).toMatchObject({ code: 'bad_frame', retryable: false, message: expect.any(String) });
    expect(error['field']).toBe(field);
    await own.fence();
    own.terminate();
  });

  test('[FR2] the error bears the frame’s id when it could be read', async () => {
    client.send('{"type":"dance","id":"d1"}');
    expect(await client.type('error')).toMatchObject({ id: 'd1', code: 'bad_frame' });
    client.send('{"type":"dance","id":"not an id"}');
    expect(await client.type('error')).not.toHaveProperty('id');
  });

  test('[FR2] 20 in a minute are borne, the next one closes with 4503', async () => {
    const own = await node.connect('mallory');
    for (let n = 0; n < 20; n++) own.send('nonsense');
    await own.fence();
    own.send('nonsense');
    expect(await own.closed).toEqual({ code: 4503, reason: 'too_many_bad_frames' });
    expect(own.frames.filter((frame) => frame['code'] === 'bad_frame')).toHaveLength(21);
  });
});

describe('[FR3] unknown types and fields', () => {
  test('[FR3] unknown fields are ignored', async () => {
    const own = await node.join('liv', 'unknown-fields');
    const sent = {
      type: 'chat',
      room: 'unknown-fields',
      content: 'x',
      seq: 99,
      from: 'bob',
      admin: true,
      nested: { a: [1] },
    };
    expect(await own.request(sent)).toMatchObject({ type: 'ack', seq: 1 });
    expect(await own.type('chat')).toMatchObject({ from: 'liv', seq: 1 });
  });

  test('[FR3] __proto__ and constructor do no harm, and come back in data as sent', async () => {
    const own = await node.join('pro', 'proto');
    own.send(
      '{"type":"chat","id":"p","room":"proto","content":"x","__proto__":{"isAdmin":true},"constructor":{"prototype":{}},"data":{"__proto__":{"a":1},"constructor":2}}',
    );
    const chat = await own.type('chat');
    expect(JSON.stringify(chat['data'])).toBe('{"__proto__":{"a":1},"constructor":2}');
    expect(({} as Record<string, unknown>)['isAdmin']).toBeUndefined();
  });

  test.each(['known', 'data'])(
    '[FR3] nesting of 32 levels is taken, of 33 is a bad_frame (in %s)',
    async (field) => {
      const own = await node.join('deep', 'depth');
      const nested = (levels: number): string => '{"a":'.repeat(levels - 1) + '{}' + '}'.repeat(levels - 1);
      // The frame itself is the first level.
      own.send(`{"type":"chat","id":"ok","room":"depth","content":"x","${field}":${nested(31)}}`);
      expect(await own.reply('ok')).toMatchObject({ type: 'ack' });
      own.send(`{"type":"chat","id":"deep","room":"depth","content":"x","${field}":${nested(32)}}`);
      expect(await own.reply('deep')).toMatchObject({ code: 'bad_frame', field });
      own.send(
        `{"type":"chat","id":"bomb","room":"depth","content":"x","${field}":${'['.repeat(30_000)}${']'.repeat(30_000)}}`,
      );
      expect(await own.reply('bomb')).toMatchObject({ code: 'bad_frame' });
      own.terminate();
    },
  );
});

describe('[FR4] ids', () => {
  test('[FR4] a request with one gets exactly one reply that bears it', async () => {
    const own = await node.connect('ida');
    const requests = [
      { type: 'join', room: 'ids' },
      { type: 'chat', room: 'ids', content: 'x' },
      { type: 'signal', room: 'ids', data: 1 },
      { type: 'history', room: 'ids' },
      { type: 'presence', room: 'ids' },
      { type: 'heartbeat', status: 'ping' },
      { type: 'heartbeat', status: 'pong' },
      { type: 'resume', channels: {} },
      { type: 'create', access: 'public' },
      { type: 'refresh', token: 'no' },
      { type: 'leave', room: 'ids' },
      { type: 'leave', room: 'ids' },
    ];
    for (const [at, request] of requests.entries()) own.send({ ...request, id: `r${at}` });
    for (const at of requests.keys()) await own.reply(`r${at}`);
    await own.fence();
    for (const [at, request] of requests.entries()) {
      const replies = own.frames.filter((frame) => frame['id'] === `r${at}` && frame['type'] !== 'chat');
      expect(replies, request.type).toHaveLength(1);
    }
  });

  test('[FR4] without one success is silent', async () => {
    const own = await node.connect('silent');
    own.send({ type: 'join', room: 'quiet' });
    own.send({ type: 'chat', room: 'quiet', content: 'x' });
    await own.chat('quiet', 'x');
    own.send({ type: 'signal', room: 'quiet', data: {} });
    own.send({ type: 'leave', room: 'quiet' });
    await own.fence();
    expect(own.frames.filter((frame) => frame['type'] === 'ack')).toEqual([]);
  });

  test('[FR4] 64 of A-Z a-z 0-9 _ . : - is an id', async () => {
    const id = 'Az09_.:-'.repeat(8);
    expect(await client.request({ type: 'heartbeat', status: 'ping', id })).toMatchObject({ id });
    client.send({ type: 'heartbeat', status: 'ping', id: `${id}x` });
    expect(await client.type('error')).toMatchObject({ code: 'bad_frame', field: 'id' });
  });

  test('[FR4] the same (channel, sender, id) is stored once, and acked with the first one’s seq', async () => {
    const [one, two] = [await node.join('tom', 'once'), await node.join('tom', 'once')];
    const first = await one.request({ type: 'chat', room: 'once', id: 'm1', content: 'first' });
    await one.request({ type: 'chat', room: 'once', id: 'm2', content: 'second' });
    expect(first).toEqual({ type: 'ack', id: 'm1', room: 'once', seq: 1, timestamp: expect.any(String) });
    const again = await two.request({ type: 'chat', room: 'once', id: 'm1', content: 'something else' });
    expect(again).toEqual({ ...first, duplicate: true });
    const { messages } = await two.request({ type: 'history', room: 'once' });
    expect(messages.map((message: { content: string }) => message.content)).toEqual(['first', 'second']);
    expect(one.chats('once')).toEqual(['1 first', '2 second']);
  });

  test('[FR4] another sender’s or another room’s message of the same id is another message', async () => {
    const [ann, ben] = [await node.join('ann', 'same-id'), await node.join('ben', 'same-id')];
    expect(await ann.request({ type: 'chat', room: 'same-id', id: 'x', content: 'a' })).not.toHaveProperty(
      'duplicate',
    );
    expect(await ben.request({ type: 'chat', room: 'same-id', id: 'x', content: 'b' })).toMatchObject({
      seq: 2,
    });
    expect(await ann.request({ type: 'chat', room: 'same-id-2', id: 'x', content: 'c' })).toMatchObject({
      seq: 1,
    });
  });

  test('[FR4] a message without an id gets one of the server’s', async () => {
    const own = await node.join('una', 'unnamed');
    own.send({ type: 'chat', content: 'x' });
    expect((await own.type('chat'))['id']).toMatch(
      /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
    );
  });
});

test('[FR5] times are ISO 8601 UTC with milliseconds; a client’s is kept as sentAt', async () => {
  const own = await node.join('ti', 'times');
  const sentAt = '2001-02-03T04:05:06.789Z';
  const ack = await own.request({ type: 'chat', room: 'times', content: 'x', timestamp: sentAt });
  const chat = await own.type('chat');
  expect(chat).toMatchObject({ sentAt, timestamp: ack['timestamp'] });
  expect(ack['timestamp']).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  expect(Math.abs(Date.parse(ack['timestamp'] as string) - Date.now())).toBeLessThan(60_000);
  await own.request({ type: 'chat', room: 'times', content: 'y', timestamp: '2001-02-03T05:05:06+01:00' });
  expect(await own.chat('times', 'y')).toMatchObject({ sentAt: '2001-02-03T04:05:06.000Z' });
  const { messages } = await own.request({ type: 'history', room: 'times' });
  expect(messages[0]).toEqual(chat);
});

test('[FR6] the server makes room ids, UUIDs of version 7; a room id has 1 to 64 characters', async () => {
  const created = await client.request({ type: 'create', access: 'public' });
  expect(created['room']).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  const longest = 'R_-9'.repeat(16);
  expect(await client.request({ type: 'join', room: longest })).toMatchObject({ type: 'ack', room: longest });
});

test('[FR6] a user id has 1 to 255 printable characters of any script', async () => {
  for (const user of [
    'ü',
    '用户',
    '😀',
    'a@b.example',
    'x'.repeat(255),
    '漢'.repeat(255),
    'did:example:123',
    ':',
  ]) {
    const own = await node.join(user, 'names');
    await own.request({ type: 'chat', room: 'names', content: `by ${user}` });
    expect(await own.chat('names', `by ${user}`)).toMatchObject({ from: user });
    own.terminate();
  }
});

describe('[FR7] rooms that were never created', () => {
  test('[FR7] are public and empty; a join writes nothing, the first message makes the record', async () => {
    const rows = async (room: string) =>
      (await node.database.query('select access, creator from vagus.rooms where room = $1', [
        room,
      ])) as unknown[];
    const own = await node.connect('finn');
    expect(await own.request({ type: 'join', room: 'fresh' })).toEqual({
      type: 'ack',
      id: expect.any(String),
      room: 'fresh',
      access: 'public',
      metadata: {},
      seq: 0,
    });
    expect(await rows('fresh')).toEqual([]);
    expect(await node.database.query(`select 1 from vagus.channels where channel = 'room:fresh'`)).toEqual(
      [],
    );
    await own.request({ type: 'chat', room: 'fresh', content: 'x' });
    expect(await rows('fresh')).toEqual([{ access: 'public', creator: null }]);
    expect(await own.request({ type: 'create', room: 'fresh', access: 'private' })).toMatchObject({
      type: 'error',
      code: 'already_exists',
    });
  });

  test('[FR7] may still be created while nothing was written to them', async () => {
    const [own, other] = [await node.join('finn', 'early'), await node.join('gil', 'early')];
    expect(await own.request({ type: 'create', room: 'early', access: 'private' })).toMatchObject({
      type: 'ack',
      room: 'early',
    });
    expect(await other.type('notification', 'left')).toMatchObject({
      room: 'early',
      data: { users: ['gil'], reason: 'removed' },
    });
    expect(await other.request({ type: 'chat', room: 'early', content: 'x' })).toMatchObject({
      code: 'forbidden',
    });
  });

  test('[FR7] without rooms.autoCreate they are not_found', async () => {
    const strict = await TestEngine.start({ roomsAutoCreate: false });
    const own = await strict.connect('alice');
    for (const request of [
      { type: 'join', room: 'none' },
      { type: 'chat', room: 'none', content: 'x' },
      { type: 'history', room: 'none' },
      { type: 'presence', room: 'none' },
    ]) {
      expect(await own.request(request)).toMatchObject({ type: 'error', code: 'not_found' });
    }
    await own.request({ type: 'create', room: 'none', access: 'public' });
    expect(await own.request({ type: 'join', room: 'none' })).toMatchObject({ type: 'ack', seq: 0 });
    await strict.stop();
  });
});

describe('[FR8] strings', () => {
  test('[FR8] come back as sent', async () => {
    const own = await node.join('str', 'strings');
    const texts = [
      'e\u0301',
      '\u00e9',
      '\u200f\u202e\ufeff',
      '😀👩‍👩‍👧‍👦',
      '"\\\n\t\u0001',
      '\u{10ffff}',
      '<b>&amp;',
    ];
    for (const [at, content] of texts.entries())
      await own.request({ type: 'chat', room: 'strings', content, data: { [content]: [content, at] } });
    const { messages } = await own.request({ type: 'history', room: 'strings' });
    expect(messages.map((message: { content: string }) => message.content)).toEqual(texts);
    expect(messages.map((message: { data: object }) => message.data)).toEqual(
      texts.map((content, at) => ({ [content]: [content, at] })),
    );
    expect(own.frames.filter((frame) => frame['type'] === 'chat')).toEqual(messages);
  });

  test.each([
    ['U+0000 in content', '{"type":"chat","room":"r","content":"a\\u0000b"}', 'content'],
    ['an unpaired high surrogate', '{"type":"chat","room":"r","content":"\\ud83d"}', 'content'],
    ['an unpaired low surrogate', '{"type":"chat","room":"r","content":"\\ude00\\ud83d"}', 'content'],
    [
      'U+0000 deep in data',
      '{"type":"chat","room":"r","content":"x","data":{"a":[{"b":"\\u0000"}]}}',
      'data',
    ],
    ['U+0000 as a name in data', '{"type":"chat","room":"r","content":"x","data":{"\\u0000":1}}', 'data'],
    ['a surrogate in metadata', '{"type":"create","access":"public","metadata":{"a":"\\udfff"}}', 'metadata'],
    ['U+0000 as a field’s name', '{"type":"chat","room":"r","content":"x","\\u0000":1}', undefined],
  ])('[FR8] %s is a bad_frame', async (_, text, field) => {
    const own = await node.connect('mallory');
    own.send(text);
    const error = await own.type('error');
    expect(error['code']).toBe('bad_frame');
    expect(error['field']).toBe(field);
    own.terminate();
  });

  test('[FR8] an escaped pair is one character', async () => {
    const own = await node.join('esc', 'escapes');
    own.send('{"type":"chat","room":"escapes","content":"\\ud83d\\ude00 \\u00e9"}');
    expect((await own.type('chat'))['content']).toBe('😀 é');
  });
});

test('[FR9] numbers in data are those of JavaScript', async () => {
  const own = await node.join('num', 'numbers');
  own.send(
    '{"type":"chat","room":"numbers","content":"x","data":{"a":0.1,"b":-0,"c":1e308,"d":9007199254740993}}',
  );
  expect((await own.type('chat'))['data']).toEqual({ a: 0.1, b: 0, c: 1e308, d: 9007199254740992 });
});

test('[ER1] every code of the socket is known, with what it says about retrying', () => {
  expect(SOCKET_ERROR_CODES.filter((code) => ERROR_CODES[code].retryable)).toEqual([
    'rate_limited',
    'unavailable',
    'outcome_unknown',
  ]);
});
