import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { EngineHooks, AuthorizeRequest, MessageRequest } from '../../src/index.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { Library } from '../support/own-server.ts';

const HOOK_MS = 300;

let database: TestDatabase;
let library: Library;
let rooms = 0;
let room: string;
/** What the application says; each test sets its own. */
let onAuthorize: (request: AuthorizeRequest) => unknown;
let onMessage: (request: MessageRequest) => unknown;

beforeAll(async () => {
  database = await createDatabase();
  library = await Library.start({
    databaseUrl: database.url,
    hooks: {
      authorize: (request) => onAuthorize(request) as never,
      beforeMessage: (request) => onMessage(request) as never,
      deadlineMs: HOOK_MS,
    },
  });
});
beforeEach(() => {
  room = `hooked-${++rooms}`;
  onAuthorize = () => true;
  onMessage = () => true;
});
afterAll(async () => {
  await library.stop();
  await database.drop();
});

const chat = (content: string, more: object = {}) => ({ type: 'chat', room, content, ...more });

async function failures(hook: string): Promise<number> {
  const metrics = await library.engine.metrics();
  return Number(
    new RegExp(`^vagus_hook_failures_total\\{hook="${hook}"\\} (\\d+)$`, 'm').exec(metrics)?.[1] ?? 0,
  );
}

describe('beforeMessage', () => {
  test('[JW6] gets what is sent, by socket and over REST; what it accepts is stored as it is', async () => {
    const asked: MessageRequest[] = [];
    onMessage = (request) => {
      asked.push(structuredClone(request));
      // What it does to its copy is its own affair.
      if (request.data) request.data['mine'] = true;
      return true;
    };
    const ann = await library.join('ann', room);
    await ann.request(chat('hi', { id: 'a', data: { n: 1 } }));
    await ann.request(chat('no data', { id: 'b' }));
    await library.post('ben', room, { id: 'c', content: 'by REST', data: {} });
    expect(asked).toEqual([
      { user: 'ann', room, id: 'a', content: 'hi', data: { n: 1 } },
      { user: 'ann', room, id: 'b', content: 'no data', data: undefined },
      { user: 'ben', room, id: 'c', content: 'by REST', data: {} },
    ]);
    expect((await ann.chat(room, 'hi'))['data']).toEqual({ n: 1 });
    await ann.chat(room, 'by REST');
    // What the engine itself publishes is nobody's message.
    await library.engine.broadcast({ n: 1 });
    expect(asked).toHaveLength(3);
  });

  test.each<[string, object, object]>([
    ['content', { content: 'changed' }, { content: 'changed', data: { n: 1 } }],
    ['data', { data: { m: 2 } }, { content: 'darn', data: { m: 2 } }],
    ['both, later', { content: 'x', data: { 'é"\\': [null] } }, { content: 'x', data: { 'é"\\': [null] } }],
    ['nothing', {}, { content: 'darn', data: { n: 1 } }],
  ])('[JW6] may change %s: by socket and over REST', async (_, change, stored) => {
    onMessage = async () => {
      await sleep(5);
      return { change };
    };
    const ann = await library.join('ann', room);
    expect(await ann.request(chat('darn', { data: { n: 1 } }))).toMatchObject({ type: 'ack', seq: 1 });
    expect(await library.post('ben', room, { content: 'darn', data: { n: 1 } })).toMatchObject({
      status: 201,
    });
    const { messages } = await ann.request({ type: 'history', room });
    expect(messages).toMatchObject([
      { from: 'ann', ...stored },
      { from: 'ben', ...stored },
    ]);
  });

  test('may take the data away', async () => {
    onMessage = () => ({ change: { data: null } });
    const ann = await library.join('ann', room);
    await ann.request(chat('bare', { data: { n: 1 } }));
    expect(await ann.chat(room, 'bare')).not.toHaveProperty('data');
  });

  test('[JW6] [ER1] [RS1] may refuse: with a code of its own or forbidden, by socket and over REST', async () => {
    onMessage = ({ content }) => ({
      refuse: content === 'plain' ? { message: 'not here' } : { code: 'rate_limited', message: 'slowly' },
    });
    const ann = await library.join('ann', room);
    const refused = { type: 'error', code: 'forbidden', message: 'not here', retryable: false };
    expect(await ann.request(chat('plain'))).toMatchObject(refused);
    expect(await ann.request(chat('other'))).toMatchObject({ code: 'rate_limited', retryable: true });
    expect(await library.post('ann', room, { content: 'plain' })).toMatchObject({
      status: 403,
      body: { code: 'forbidden', message: 'not here' },
    });
    expect(await library.post('ann', room, { content: 'other' })).toMatchObject({ status: 429 });
    expect((await ann.request({ type: 'history', room }))['messages']).toEqual([]);
  });

  test('[ER1] false is a refusal without a word of one’s own', async () => {
    onMessage = async () => false;
    const ann = await library.connect('ann');
    expect(await ann.request(chat('x'))).toMatchObject({
      code: 'forbidden',
      message: `you may not send this to ${room}`,
    });
  });

  const deep = Array.from({ length: 40 }).reduce<object>((inner) => ({ inner }), {});
  test.each<[string, unknown]>([
    ['nothing', undefined],
    ['null', null],
    ['another word', { changed: { content: 'x' } }],
    ['a misspelt field', { change: { contents: 'x' } }],
    ['both', { change: {}, refuse: { message: 'x' } }],
    ['an unknown code', { refuse: { code: 'outcome_unknown', message: 'x' } }],
    ['no message', { refuse: { code: 'gone' } }],
    ['a message without end', { refuse: { message: 'x'.repeat(501) } }],
    ['an empty content', { change: { content: '' } }],
    ['a content that is no text', { change: { content: 5 } }],
    ['one that is too large', { change: { content: 'x'.repeat(65_536) } }],
    ['U+0000', { change: { content: 'a\0b' } }],
    ['half a character', { change: { data: { 'a\ud800': 1 } } }],
    ['a list for data', { change: { data: [1] } }],
    ['data that is too deep', { change: { data: deep } }],
  ])('[ER1] nonsense refuses the one message as internal, and is counted: %s', async (_, answer) => {
    onMessage = ({ content }) => (content === 'judge me' ? answer : true);
    const before = await failures('beforeMessage');
    const ann = await library.connect('ann');
    const told = ann.request(chat('judge me'));
    expect(await ann.request(chat('goes on'))).toMatchObject({ type: 'ack', seq: 1 });
    expect(await told).toMatchObject({ code: 'internal', message: expect.stringContaining('application') });
    expect(await failures('beforeMessage')).toBe(before + 1);
    ann.terminate();
  });

  test('[ER1] [DG4] a hook that throws or hangs refuses the one message as unavailable; others are served meanwhile', async () => {
    let release!: (answer: unknown) => void;
    onMessage = ({ content }) => {
      if (content === 'hang') return new Promise((resolve) => (release = resolve));
      if (content === 'reject') return Promise.reject(new Error('no database'));
      if (content === 'throw') throw new TypeError('a bug');
      return true;
    };
    const before = await failures('beforeMessage');
    const ann = await library.join('ann', room);
    const ben = await library.join('ben', room);
    const replies = ['1', 'throw', '2', 'reject', 'hang', '3'].map((word) => ann.request(chat(word)));
    const sentAt = performance.now();
    const ofBen = await ben.request(chat('ben is not kept waiting'));
    await ann.fence();
    expect(performance.now() - sentAt).toBeLessThan(HOOK_MS);
    expect(ofBen['type']).toBe('ack');
    // In another room she is not kept waiting either.
    await ann.request({ type: 'chat', room: `${room}-b`, content: 'elsewhere' });
    expect(performance.now() - sentAt).toBeLessThan(HOOK_MS);
    const unavailable = { code: 'unavailable', retryAfterMs: expect.any(Number) };
    expect(await Promise.all(replies)).toMatchObject([
      { type: 'ack' },
      unavailable,
      { type: 'ack' },
      unavailable,
      unavailable,
      { type: 'ack' },
    ]);
    // Too late: it is refused, and stays so.
    release(true);
    await ann.fence();
    expect(
      ann
        .chats(room)
        .map((line) => line.replace(/^\d+ /, ''))
        .filter((text) => text.length === 1),
    ).toEqual(['1', '2', '3']);
    expect(await failures('beforeMessage')).toBe(before + 3);
    expect(await library.post('ann', room, { content: 'throw' })).toMatchObject({
      status: 503,
      body: { code: 'unavailable' },
    });
  });

  test('[DG7] what a connection sends is stored in the order sent, though answers come in any order', async () => {
    onMessage = async () => {
      await sleep(Math.random() * 50);
      return true;
    };
    const ann = await library.join('ann', room);
    const sent = Array.from({ length: 200 }, (_, n) => `${n}`);
    for (const content of sent) ann.send(chat(content));
    await ann.until(() => ann.chats(room).length === sent.length);
    expect(ann.chats(room)).toEqual(sent.map((content, at) => `${at + 1} ${content}`));
  });

  test('[FR4] [RS1] a repeat is answered with the first one’s seq, though it would be refused or changed now', async () => {
    const ann = await library.join('ann', room);
    const first = await ann.request(chat('first', { id: 'k' }));
    expect(first).toMatchObject({ seq: 1 });
    const answers = [
      { refuse: { message: 'not any more' } },
      { change: { content: 'other' } },
      'nonsense',
      true,
    ];
    for (const answer of answers) {
      onMessage = () => answer;
      expect(await ann.request(chat('again', { id: 'k' }))).toMatchObject({
        type: 'ack',
        seq: 1,
        timestamp: first['timestamp'],
        duplicate: true,
      });
      expect(await library.post('ann', room, { id: 'k', content: 'again' })).toMatchObject({
        status: 200,
        body: { seq: 1, duplicate: true },
      });
    }
    onMessage = () => {
      throw new Error('no database');
    };
    expect(await ann.request(chat('again', { id: 'k' }))).toMatchObject({ seq: 1, duplicate: true });
    expect(await ann.request(chat('new', { id: 'l' }))).toMatchObject({ code: 'unavailable' });
    expect(ann.chats(room)).toEqual(['1 first']);
  });

  test('[JW4] [JW6] is not asked about who may not write at all', async () => {
    const ann = await library.connect('ann');
    await ann.request({ type: 'create', room, access: 'private' });
    onMessage = () => {
      throw new Error('must not be asked');
    };
    const ben = await library.connect('ben');
    expect(await ben.request(chat('x'))).toMatchObject({ code: 'forbidden' });
  });
});

describe('one hook only', () => {
  const alone: Library[] = [];
  afterEach(async () => {
    for (const one of alone.splice(0)) await one.stop();
  });
  const start = async (hooks: EngineHooks): Promise<Library> => {
    const one = await Library.start({ databaseUrl: database.url, host: '127.0.0.1', port: 0, hooks });
    alone.push(one);
    return one;
  };

  test('the other is not asked, and a fault of it does not matter', async () => {
    const joins = await start({ authorize: ({ action }) => action !== 'join' });
    const ann = await joins.connect('ann');
    expect(await ann.request({ type: 'join', room })).toMatchObject({ code: 'forbidden' });
    // The right to write is not the right to be there.
    expect(await ann.request(chat('x'))).toMatchObject({ type: 'ack' });
    const messages = await start({ beforeMessage: () => ({ refuse: { message: 'read only' } }) });
    const ben = await messages.join('ben', room);
    expect(await ben.request(chat('x'))).toMatchObject({ message: 'read only' });
  });

  test('one that takes ten seconds, and may, is waited for', async () => {
    const slow = await start({
      deadlineMs: 10_000,
      beforeMessage: async () => {
        await sleep(9_900);
        return true;
      },
    });
    const ann = await slow.connect('ann');
    const [bySocket, byRest] = await Promise.all([
      ann.request(chat('x'), 15_000),
      slow.post('ben', room, { content: 'y' }),
    ]);
    expect(bySocket).toMatchObject({ type: 'ack' });
    expect(byRest).toMatchObject({ status: 201 });
  });
});
