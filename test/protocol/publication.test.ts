import { describe, expect, test } from 'vitest';
import { parseChannel } from '../../src/protocol/channels.ts';
import { announcementOf, isAnnouncement, readPublication } from '../../src/protocol/publication.ts';

const told = (
  channel: 'room:lobby' | 'user:ann' | 'broadcast',
  message: unknown,
  more: object = {},
): string => {
  const type = { room: 'chat_message', user: 'user_event', broadcast: 'system_event' }[
    channel.split(':')[0] as 'room'
  ];
  return JSON.stringify({ channel, type, message: JSON.stringify(message), ...more });
};

describe('[RC1] a publication', () => {
  test('has a message, and may have its sender, its id and its time', () => {
    expect(readPublication('room:lobby', told('room:lobby', { content: 'hi' }))).toEqual({
      content: 'hi',
      data: null,
      sender: 'svc:redis',
      id: undefined,
      sentAt: null,
    });
    const full = { content: 'hi', data: { n: 1 }, from: 'billing', id: 'one' };
    expect(readPublication('room:lobby', told('room:lobby', full, { timestamp: 1_790_000_000_000 }))).toEqual(
      {
        content: 'hi',
        data: '{"n":1}',
        sender: 'svc:billing',
        id: 'one',
        sentAt: 1_790_000_000_000,
      },
    );
  });

  test.each(['user:ann', 'broadcast'] as const)(
    'on %s has any data, and its fields as they were written',
    (channel) => {
      for (const data of [null, 0, 'text', [1], { ['__proto__']: 1 }]) {
        const text = told(channel, 0).replace('"0"', JSON.stringify(`{"data":${JSON.stringify(data)}}`));
        expect(readPublication(channel, text)).toMatchObject({ content: '', data: JSON.stringify(data) });
      }
      const proto = told(channel, 0).replace('"0"', JSON.stringify('{"data":{"__proto__":1}}'));
      expect(readPublication(channel, proto)).toMatchObject({ data: '{"__proto__":1}' });
    },
  );
});

describe('[RC3] it is refused, with the reason, when', () => {
  const fit = { content: 'hi' };
  test.each([
    ['it is no JSON', 'hello', /JSON object/],
    ['it is an array', '[]', /JSON object/],
    ['a field is missing', '{"channel":"room:lobby","type":"chat_message"}', /^message/],
    ['it names another channel', told('room:lobby', fit, { channel: 'room:other' }), /^channel/],
    ['its type is of another kind of channel', told('room:lobby', fit, { type: 'user_event' }), /^type/],
    ['it has a seq', told('room:lobby', fit, { seq: 1 }), /^seq/],
    ['its time is no time', told('room:lobby', fit, { timestamp: 1.5 }), /^timestamp/],
    ['its message is no JSON', told('room:lobby', fit, { message: 'hi' }), /^message: must be a JSON object/],
    ['its message has no content', told('room:lobby', {}), /^message: content/],
    ['its content is empty', told('room:lobby', { content: '' }), /^message: content/],
    ['its data is no object', told('room:lobby', { content: 'hi', data: 1 }), /^message: data/],
    ['its id is none', told('room:lobby', { content: 'hi', id: 'a b' }), /^message: id/],
    ['its sender is none', told('room:lobby', { content: 'hi', from: '' }), /^message: from/],
    [
      'its message is too long',
      told('room:lobby', { content: 'x'.repeat(65_536) }),
      /^message: must be at most 65536/,
    ],
    ['it holds what the log cannot', told('room:lobby', { content: 'a\0' }), /^message: holds U\+0000/],
    [
      'it is nested too deep',
      told('room:lobby', 0).replace(
        '"0"',
        JSON.stringify(`{"content":"a","data":${'{"a":'.repeat(40)}1${'}'.repeat(40)}}`),
      ),
      /nested deeper/,
    ],
  ])('%s', (_, text, why) => {
    const read = readPublication('room:lobby', text);
    expect(read).toHaveProperty('malformed', expect.stringMatching(why));
  });

  test('an event has no data', () => {
    expect(readPublication('user:ann', told('user:ann', {}))).toHaveProperty(
      'malformed',
      'message: data: is required',
    );
  });

  test.each(['room:', 'room:a b', 'user:', 'user:svc:n1', 'broadcast:x', 'lobby', ''])(
    'its channel is %j',
    (name) => {
      expect(parseChannel(name)).toBeUndefined();
    },
  );
});

test('[RC2] a stored message’s publication begins with its seq, and no node takes it in', () => {
  const entry = {
    seq: 7,
    id: 'one',
    sender: 'ann',
    content: 'say "hi"',
    data: '{"n":1}',
    at: 1_790_000_000_000,
  };
  const text = announcementOf('room:lobby', entry);
  expect(isAnnouncement(text)).toBe(true);
  expect(Object.keys(JSON.parse(text) as object)).toEqual(['seq', 'channel', 'type', 'message', 'timestamp']);
  expect(JSON.parse(text)).toMatchObject({
    seq: 7,
    channel: 'room:lobby',
    type: 'chat_message',
    timestamp: entry.at,
  });
  const { message } = JSON.parse(text) as { message: string };
  expect(JSON.parse(message)).toEqual({ id: 'one', from: 'ann', content: 'say "hi"', data: { n: 1 } });
  expect(readPublication('room:lobby', text)).toHaveProperty('malformed');
  const event = announcementOf('broadcast', { ...entry, content: '', sender: 'svc:engine' });
  expect(JSON.parse((JSON.parse(event) as { message: string }).message)).toEqual({
    id: 'one',
    from: 'svc:engine',
    data: { n: 1 },
  });
});
