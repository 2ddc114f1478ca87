import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { AuthorizeRequest } from '../../src/index.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { Library, tokenWith } from '../support/own-server.ts';
import type { TestClient } from '../support/client.ts';

const HOOK_MS = 300;

let database: TestDatabase;
let library: Library;
let rooms = 0;
let room: string;
let asked: AuthorizeRequest[] = [];
/** What the application says; each test sets its own. */
let decide: (request: AuthorizeRequest) => unknown;

beforeAll(async () => {
  database = await createDatabase();
  library = await Library.start({
    databaseUrl: database.url,
    hooks: {
      authorize: (request) => {
        asked.push(request);
        return decide(request) as never;
      },
      deadlineMs: HOOK_MS,
    },
  });
});
beforeEach(() => {
  room = `permitted-${++rooms}`;
  decide = () => true;
  asked = [];
});
afterAll(async () => {
  await library.stop();
  await database.drop();
});

const actions = (): string[] => asked.map(({ action }) => action);

/** Everything that can be done with a room, over a socket and over REST: what is asked, and whether it was refused. */
async function tryAll(client: TestClient, user: string): Promise<(string | number)[]> {
  const told: (string | number)[] = [];
  for (const frame of [
    { type: 'join', room },
    { type: 'chat', room, content: 'x' },
    { type: 'history', room },
    { type: 'history', channel: `room:${room}` },
    { type: 'presence', room },
    { type: 'create', room: `${room}-mine`, access: 'public' },
  ]) {
    const reply = await client.request(frame);
    told.push((reply['code'] as string | undefined) ?? 'ok');
  }
  const resumed = await client.request({ type: 'resume', channels: { [`room:${room}-r`]: 0 } });
  told.push((resumed['channels'] as Record<string, { error?: string }>)[`room:${room}-r`]?.error ?? 'ok');
  told.push((await library.post(user, room, { content: 'x' })).status);
  told.push((await library.call(user, `/v1/rooms/${room}/messages`)).status);
  return told;
}

describe('authorize', () => {
  test('[JW6] a banned user does nothing in any room: by socket, by REST, and makes none', async () => {
    const banned = new Set(['mallory']);
    decide = ({ user }) => !banned.has(user);
    const mallory = await library.connect('mallory');
    const refused = [
      'forbidden',
      'forbidden',
      'forbidden',
      'forbidden',
      'forbidden',
      'forbidden',
      'forbidden',
    ];
    expect(await tryAll(mallory, 'mallory')).toEqual([...refused, 403, 403]);
    expect(await tryAll(await library.connect('alice'), 'alice')).toEqual([
      ...refused.map(() => 'ok'),
      201,
      200,
    ]);
    // Nothing of hers was stored, and no room of hers made.
    expect(await database.query('select 1 from vagus.messages where sender = $1', ['mallory'])).toEqual([]);
  });

  test('[JW6] is asked once about each thing, before it is done, with all that the token says', async () => {
    const team = { id: 7, roles: ['a'] };
    const ann = await library.connect('ann', await tokenWith({ sub: 'ann', sid: 's-7', team }));
    await ann.request({ type: 'join', room });
    await ann.request({ type: 'chat', room, content: 'x' });
    await ann.request({ type: 'history', room });
    await ann.request({ type: 'presence', room });
    await ann.request({ type: 'signal', room, data: 1 });
    await ann.request({ type: 'create', access: 'public' });
    await ann.request({ type: 'history', channel: 'user' });
    await ann.request({ type: 'rooms' });
    expect(actions()).toEqual(['join', 'read', 'send', 'read', 'presence', 'signal', 'create']);
    expect(asked.slice(0, 6).every((question) => question.room === room)).toBe(true);
    expect(asked.at(-1)?.room).toMatch(/^[0-9a-f-]{36}$/);
    for (const { user, claims } of asked)
      expect({ user, claims }).toEqual({
        user: 'ann',
        claims: { sub: 'ann', sid: 's-7', team, iat: expect.any(Number), exp: expect.any(Number) },
      });
    await library.post('ben', room, { content: 'x' });
    await library.call('ben', `/v1/rooms/${room}/messages?limit=1`);
    expect(asked.slice(-2)).toMatchObject([
      { user: 'ben', action: 'send', room, claims: { sub: 'ben' } },
      { user: 'ben', action: 'read', room, claims: { sub: 'ben' } },
    ]);
  });

  test('[RQ1] [RQ2] [JW4] decides beside the room’s own rights, and what costs nothing is refused first', async () => {
    decide = async ({ user, room: name }) => {
      await sleep(5);
      if (name.endsWith('-gone')) return { error: 'gone', message: 'closed for good' };
      return user !== 'ben' || !name.endsWith('-staff');
    };
    const ann = await library.connect('ann');
    const ben = await library.connect('ben');
    await ann.request({ type: 'create', room, access: 'private' });
    const join = { type: 'join', room: `${room}-staff` };
    expect(await ann.request(join)).toMatchObject({ type: 'ack', seq: 0 });
    expect(await ben.request(join)).toMatchObject({
      code: 'forbidden',
      message: `you may not join ${room}-staff`,
    });
    const channels = Object.fromEntries(
      [`${room}-staff`, `${room}-gone`, `${room}-open`, room].map((name) => [`room:${name}`, 0]),
    );
    expect((await ben.request({ type: 'resume', channels }))['channels']).toEqual({
      [`room:${room}-staff`]: { error: 'forbidden' },
      [`room:${room}-gone`]: { error: 'gone' },
      [`room:${room}-open`]: { seq: 0 },
      [`room:${room}`]: { error: 'forbidden' },
    });
    await ann.request({ type: 'chat', room: `${room}-staff`, content: 'secret' });
    await ben.fence();
    expect(ben.chats(`${room}-staff`)).toEqual([]);
  });

  test.each<[string, () => unknown, string]>([
    ['throws', () => Promise.reject(new Error('no database')), 'unavailable'],
    ['hangs', () => new Promise(() => {}), 'unavailable'],
    ['says nothing', () => undefined, 'internal'],
    ['says too much', () => ({ error: 'forbidden', because: 'x' }), 'internal'],
    ['says both', () => ({ allow: true, error: 'forbidden' }), 'internal'],
    ['keeps it for too long', () => ({ allow: true, forMs: 3_600_001 }), 'internal'],
    ['keeps it for no time', () => ({ allow: true, forMs: -1 }), 'internal'],
    ['is no wiser', () => ({ error: 'no' }), 'internal'],
  ])('[ER1] a hook that %s refuses the one request, and the connection goes on', async (_, answer, code) => {
    decide = ({ room: name }) => (name === room ? answer() : true);
    const ann = await library.connect('ann');
    for (const frame of [
      { type: 'join', room },
      { type: 'chat', room, content: 'x' },
      { type: 'history', room },
    ])
      expect(await ann.request(frame), frame.type).toMatchObject({ type: 'error', code });
    expect(await ann.request({ type: 'join', room: `${room}-b` })).toMatchObject({ type: 'ack' });
    const status = code === 'internal' ? 500 : 503;
    expect(await library.call('ann', `/v1/rooms/${room}/messages`)).toMatchObject({ status, body: { code } });
    expect(await library.engine.metrics()).toMatch(/^vagus_hook_failures_total\{hook="authorize"\} [1-9]/m);
  });

  test('[DG4] [FR4] a message that is stored is answered with its seq, though its sender may not send any more', async () => {
    const ann = await library.connect('ann');
    await ann.request({ type: 'chat', id: 'k', room, content: 'x' });
    decide = () => ({ error: 'forbidden', message: 'not any more' });
    expect(await ann.request({ type: 'chat', id: 'k', room, content: 'x' })).toMatchObject({
      type: 'ack',
      seq: 1,
      duplicate: true,
    });
    expect(await library.post('ann', room, { id: 'k', content: 'x' })).toMatchObject({ status: 200 });
    expect(await ann.request({ type: 'chat', id: 'l', room, content: 'x' })).toMatchObject({
      code: 'forbidden',
      message: 'not any more',
    });
  });

  test('[DG7] what a connection sends is stored in the order sent, though answers come in any order', async () => {
    decide = async () => {
      await sleep(Math.random() * 50);
      return true;
    };
    const ann = await library.join('ann', room);
    const sent = Array.from({ length: 100 }, (_, n) => `${n}`);
    for (const content of sent) ann.send({ type: 'chat', room, content });
    await ann.until(() => ann.chats(room).length === sent.length);
    expect(ann.chats(room)).toEqual(sent.map((content, at) => `${at + 1} ${content}`));
  });
});

describe('an answer that is kept', () => {
  test('is asked for once, by user, room, action and token, until it is over', async () => {
    decide = () => ({ allow: true, forMs: 60_000 });
    const ann = await library.join('ann', room);
    for (let n = 0; n < 5; n++) await ann.request({ type: 'history', room });
    await ann.request({ type: 'presence', room });
    expect(actions()).toEqual(['join', 'read', 'presence']);
    await ann.request({ type: 'history', room: `${room}-b` });
    // Another token may say something else of the same user.
    const other = await library.connect('ann', await tokenWith({ sub: 'ann', team: 2 }));
    await other.request({ type: 'history', room });
    expect(actions()).toEqual(['join', 'read', 'presence', 'read', 'read']);
    decide = () => ({ error: 'forbidden', message: 'for a while', forMs: 50 });
    const ben = await library.connect('ben');
    for (let n = 0; n < 3; n++)
      expect(await ben.request({ type: 'history', room })).toMatchObject({ message: 'for a while' });
    expect(actions()).toHaveLength(6);
    decide = () => true;
    await sleep(60);
    expect(await ben.request({ type: 'history', room })).toMatchObject({ type: 'history' });
  });
});

describe('engine.recheck', () => {
  const removed = { data: { reason: 'removed' } };

  test.each<[string, (user: string, room: string) => object | undefined]>([
    ['of a user', (user) => ({ user })],
    ['of a room', (_, name) => ({ room: name })],
    ['of a user in a room', (user, name) => ({ user, room: name })],
    ['of everything', () => undefined],
  ])('[JW6] puts off within 1 s who may not read any more: %s', async (_, which) => {
    const banned = new Set<string>();
    decide = ({ user }) => (banned.has(user) ? false : { allow: true, forMs: 60_000 });
    const [ann, ben] = [await library.join('ann', room), await library.join('ben', room)];
    const again = await library.join('ben', room);
    banned.add('ben');
    const before = performance.now();
    await library.engine.recheck(which('ben', room));
    for (const client of [ben, again])
      expect(await client.type('notification', 'left')).toMatchObject(removed);
    expect(performance.now() - before).toBeLessThan(1_000);
    await ann.request({ type: 'chat', room, content: 'among us' });
    await ann.chat(room, 'among us');
    expect(await ben.request({ type: 'signal', room, data: 1 })).toMatchObject({ code: 'not_joined' });
    expect(await ben.request({ type: 'history', room })).toMatchObject({ code: 'forbidden' });
    expect(ben.chats(room)).toEqual([]);
    expect((await ann.request({ type: 'presence', room }))['members']).toMatchObject([{ user: 'ann' }]);
    banned.clear();
    await library.engine.recheck();
    expect(await ben.request({ type: 'join', room })).toMatchObject({ type: 'ack' });
  });

  test('[JW6] an earlier decision does not count any more, though the answer comes later', async () => {
    const answers: ((answer: boolean) => void)[] = [];
    decide = () => new Promise((resolve) => answers.push(resolve));
    const ann = await library.connect('hesitant');
    const joined = ann.request({ type: 'join', room });
    await expect.poll(() => answers.length).toBe(1);
    await library.engine.recheck({ user: 'hesitant' });
    await expect.poll(() => answers.length).toBe(2);
    answers[0]?.(true);
    answers[1]?.(false);
    expect(await joined).toMatchObject({ code: 'forbidden' });
  });

  test('[JW6] an undecided user is asked about again, and off when there is no decision', async () => {
    const ann = await library.join('ann', room);
    const ben = await library.join('ben', room);
    let fails = 1;
    decide = ({ user }) => {
      if (user === 'ann' && fails-- <= 0) return true;
      throw new Error('no database');
    };
    await library.engine.recheck({ room });
    expect(await ben.type('notification', 'left')).toMatchObject(removed);
    decide = () => true;
    expect(await ann.request({ type: 'join', room })).toMatchObject({ already: true });
    expect(asked.filter(({ user, action }) => user === 'ben' && action === 'read')).toHaveLength(4);
  });

  test('[JW4] [JW6] another token is another question: who may not read with it is off', async () => {
    decide = ({ claims }) => claims['team'] !== 'none';
    const ann = await library.connect('ann', await tokenWith({ sub: 'ann', team: 'a' }));
    await ann.request({ type: 'join', room });
    const token = await tokenWith({ sub: 'ann', team: 'none' });
    await ann.request({ type: 'refresh', token });
    expect(await ann.type('notification', 'left')).toMatchObject(removed);
  });

  test('tells what it cannot use', async () => {
    await expect(library.engine.recheck({ user: '' })).rejects.toMatchObject({ code: 'bad_request' });
    await expect(library.engine.recheck({ room: 'a b' })).rejects.toMatchObject({ code: 'bad_request' });
  });
});
