import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { validateRequest } from '../../client/src/wire/validate-request.ts';
import { decodeRequest } from '../../src/protocol/decode.ts';
import { answers, ClientWorld } from '../support/client-world.ts';

// What a server would refuse is refused here: there it would count towards the end of the connection.

const nested = (levels: number): unknown => (levels === 0 ? 1 : { a: nested(levels - 1) });

/** By field: what is right, and what is not. */
const VALUES: Readonly<Record<string, readonly unknown[]>> = {
  room: ['lobby', 'a'.repeat(64), undefined, '', 'a b', 'a'.repeat(65), 7, null, {}],
  id: ['m-1', 'a:b', 'a'.repeat(64), undefined, '', 'a b', 42, null],
  content: ['hi', 'é'.repeat(9), '\\u0000', '"\\', 'a\u0001', undefined, '', 7, 'a\0', '\ud800', null],
  data: [
    undefined,
    {},
    { a: [1, null] },
    { a: Infinity },
    nested(31),
    nested(30),
    nested(32),
    new Map(),
    [],
    'x',
    null,
    7,
    new Date(0),
    { a: '\0' },
    { '\udc00': 1 },
    { a: 'x'.repeat(4_100) },
    JSON.parse('{"__proto__":{"a":"\\u0000"}}'),
  ],
  timestamp: [
    undefined,
    '2026-01-01T00:00:00Z',
    '2026-02-28T23:59:59.123456+02:00',
    '2024-02-29T00:00:00Z',
    '2026-02-29T00:00:00Z',
    '2026-13-01T00:00:00Z',
    '2026-01-01',
    '2026-01-01T00:00Z',
    '2026-01-01T24:00:00Z',
    7,
    '',
    '1969-12-31T23:59:59Z',
    '1970-01-01T00:00:00Z',
    '1970-01-01T00:30:00+01:00',
    '1969-12-31T23:30:00-01:00',
    '9999-12-31T23:59:59.999Z',
    '9999-12-31T23:30:00-01:00',
    '2026-04-31T00:00:00Z',
    '2026-01-00T00:00:00Z',
    null,
  ],
  since: [
    undefined,
    0,
    7,
    -1,
    1.5,
    '7',
    NaN,
    Number.MAX_SAFE_INTEGER,
    2 ** 53,
    null,
    {},
    { seq: 7 },
    { seq: 7, id: 'm-7', from: 'bob' },
    { seq: 7, id: 'm-7' },
    { seq: 7, from: 'bob', more: true },
    { seq: -7, id: 'm-7' },
    { seq: 7, id: 'm 7' },
    { seq: 7, id: 7 },
    { seq: 7, id: 'm-7', from: 7 },
  ],
  before: [undefined, undefined, 0, 7, -1, '7'],
  after: [
    undefined,
    undefined,
    0,
    7,
    -1,
    'bob',
    'lobby',
    'a:b',
    'a b',
    'x'.repeat(256),
    'svc:a',
    '\u200b',
    '😀',
    null,
  ],
  limit: [undefined, 1, 200, 0, 201, 1.5, '5', null],
  channel: [undefined, undefined, 'broadcast', 'user', 'room:lobby', 7, null],
  access: ['public', 'private', undefined, 'secret', 7],
  members: [
    undefined,
    [],
    ['bob'],
    ['svc:b'],
    [7],
    'bob',
    Array(1_000).fill('b'),
    Array(1_001).fill('b'),
    null,
  ],
  metadata: [
    undefined,
    {},
    { a: 'x'.repeat(8_184) },
    { a: 'x'.repeat(8_185) },
    nested(31),
    nested(32),
    [],
    7,
    null,
  ],
};

const FIELDS = {
  join: ['room', 'since'],
  leave: ['room'],
  chat: ['room', 'id', 'content', 'data', 'timestamp'],
  signal: ['room', 'data'],
  history: ['room', 'channel', 'after', 'before', 'limit'],
  presence: ['room', 'after'],
  rooms: ['after', 'limit'],
  create: ['room', 'access', 'members', 'metadata'],
} as const;

const frames = fc
  .constantFrom(...Object.entries(FIELDS))
  .chain(([type, fields]) =>
    fc
      .record(
        Object.fromEntries(fields.map((field) => [field, fc.constantFrom(...(VALUES[field] as unknown[]))])),
      )
      .map((frame): Record<string, unknown> => ({ type, id: 'r-1', ...frame })),
  );

describe('requests that go over the wire', () => {
  test('[FR2] is what a server takes: they refuse the same, for the same field', () => {
    const seen = { ok: 0, refused: 0 };
    const check = (frame: Record<string, unknown>): void => {
      // Of a message the server makes up what is missing; the client always names it.
      fc.pre(frame['type'] !== 'chat' || (frame['room'] !== undefined && frame['id'] !== undefined));
      const here = validateRequest(frame);
      const there = decodeRequest(JSON.stringify(frame));
      expect({ ok: here.ok, field: here.ok ? undefined : here.error.field }, JSON.stringify(frame)).toEqual({
        ok: there.ok,
        field: there.ok ? undefined : there.field,
      });
      seen[here.ok ? 'ok' : 'refused']++;
    };
    fc.assert(fc.property(frames, check), { numRuns: 4_000 });
    expect(Math.min(seen.ok, seen.refused)).toBeGreaterThan(200);
  });

  test('what JSON cannot say is named', () => {
    const circle: Record<string, unknown> = {};
    circle['self'] = circle;
    for (const data of [circle, { a: 1n }])
      expect(validateRequest({ type: 'chat', room: 'a', id: 'b', content: 'c', data })).toMatchObject({
        error: { code: 'bad_frame', field: 'data', message: 'data must be JSON' },
      });
    expect(validateRequest({ type: 'history', room: 'a', after: 1n })).toMatchObject({
      error: { field: 'after' },
    });
  });

  test('a channel is one of one’s own, and an id does not begin like those of requests', () => {
    for (const channel of ['user:bob', 'room:', 'room:a b', ''])
      expect(validateRequest({ type: 'history', channel })).toMatchObject({ error: { field: 'channel' } });
    expect(validateRequest({ type: 'chat', room: 'a', id: ':1', content: 'c' })).toMatchObject({
      error: { field: 'id' },
    });
  });
});

test('whatever is asked wrongly, nothing of it is sent, and each is answered with bad_frame', () => {
  const world = new ClientWorld();
  world.inRoom();
  world.end.frames.length = 0;
  const { core } = world;
  const { done, codes } = answers();
  const any = (value: unknown): any => value;
  core.join('a b', {}, done);
  core.join('den', { since: -1 }, done);
  core.join(any(undefined), any(null), done);
  core.leave(any(7), done);
  core.send(any(undefined), 'hi', {}, done);
  core.send('lobby', 'hi', { id: any(42) }, done);
  core.send('lobby', 'hi', { data: any([1]) }, done);
  core.send('lobby', 'hi', { timestamp: 'yesterday' }, done);
  core.send('lobby', 'half \ud800', any(null), done);
  core.signal('lobby', 'zero \0', done);
  core.history(any(undefined), done);
  core.history({ room: 'lobby', limit: 0 }, done);
  core.history({ room: 'lobby', after: 1, before: 2 }, done);
  core.presence('lobby', { after: any(7) }, done);
  core.rooms({ limit: 201 }, done);
  core.create(any(null), done);
  core.create({ access: any('secret') }, done);
  expect(codes()).toEqual(Array(17).fill('bad_frame'));
  world.pass(120_000);
  expect(codes()).toHaveLength(17);
  expect(world.ends.flatMap(({ frames }) => frames).filter(({ type }) => type !== 'heartbeat')).toEqual([]);
});

test('an option that is misspelt is refused, and not forgotten', () => {
  const world = new ClientWorld();
  world.up();
  const { done, results } = answers();
  const { core } = world;
  const any = (value: unknown): any => value;
  core.send('lobby', 'hi', any({ idd: 'm-1' }), done);
  core.join('lobby', any({ sinse: 0 }), done);
  core.history(any({ room: 'lobby', from: 1 }), done);
  core.presence('lobby', any({ limit: 1 }), done);
  core.rooms(any({ before: 'a' }), done);
  core.create(any({ access: 'public', member: [] }), done);
  const fields = ['idd', 'sinse', 'from', 'limit', 'before', 'member'];
  expect(results).toMatchObject(fields.map((field) => ({ error: { code: 'bad_option', field } })));
  expect(world.end.has('chat')).toBe(false);
});

test('data is sent as it was at the call', () => {
  const world = new ClientWorld();
  const data = { a: 1 };
  world.core.send('lobby', 'hi', { data }, () => {});
  data.a = 2;
  world.up();
  expect(world.end.take('chat')['data']).toEqual({ a: 1 });
});
