import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import {
  connect,
  VagusError,
  type Client,
  type ClientEvents,
  type ConnectOptions,
} from '../../client/src/index.ts';
import { TestClient } from '../support/client.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { TestEngine, testConfig } from '../support/engine.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';

// The client as it is published, on real sockets and a real engine. There is no global WebSocket in Node.js 20: it is given.

let engine: TestEngine;
const clients: Client[] = [];

beforeAll(async () => {
  engine = await TestEngine.start();
});

afterAll(async () => {
  for (const client of clients) client.close();
  await engine.stop();
});

const open = (url: string, options: ConnectOptions): Client => {
  const client = connect(url, { WebSocket: WebSocket, ...options });
  clients.push(client);
  return client;
};

const as = async (
  user: string,
  url = engine.engine.url,
  options: Partial<ConnectOptions> = {},
): Promise<Client> => open(url, { token: await engine.token(user), ...options });

const until = async (isTrue: () => boolean, ms = 20_000): Promise<void> => {
  const end = Date.now() + ms;
  while (!isTrue()) {
    if (Date.now() > end) throw new Error('it did not come to pass');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
};

const shown = (client: Client): number[] => {
  const seqs: number[] = [];
  client.on('message', ({ seq }) => void seqs.push(seq));
  return seqs;
};

const range = (to: number): number[] => Array.from({ length: to }, (_, at) => at + 1);

test('two clients chat', async () => {
  const [alice, bob] = [await as('alice'), await as('bob')];
  const got: string[] = [];
  bob.on('message', ({ from, content }) => void got.push(`${from}: ${content}`));
  await bob.join('talk');
  expect(await alice.join('talk')).toMatchObject({ room: 'talk', access: 'public', seq: 0 });
  const sent = await alice.send('talk', 'hi', { data: { a: 1 } });
  expect(sent).toMatchObject({ room: 'talk', seq: 1 });
  expect(await alice.send('talk', 'hi', { id: sent.id })).toEqual({ ...sent, duplicate: true });
  await until(() => got.length > 0);
  expect(got).toEqual(['alice: hi']);
  expect((await bob.history({ room: 'talk' })).messages).toMatchObject([{ type: 'chat', content: 'hi' }]);
  expect((await bob.presence('talk')).members.map(({ user }) => user)).toEqual(['alice', 'bob']);
  const signal = new Promise((resolve) => bob.on('signal', resolve));
  await alice.signal('talk', { typing: true });
  expect(await signal).toEqual({ room: 'talk', from: 'alice', data: { typing: true } });
  expect(await alice.create({ room: 'den', access: 'private', members: ['bob'] })).toEqual({ room: 'den' });
  expect((await bob.rooms()).rooms.map(({ room }) => room)).toEqual(['talk']);
  const all = (await bob.rooms({ invited: true })).rooms;
  expect(all.map(({ room, invited }) => [room, invited])).toEqual([
    ['den', true],
    ['talk', undefined],
  ]);
  await bob.leave('talk');
  await alice.send('talk', 'alone');
  expect(got).toHaveLength(1);
  expect(alice.positions).toMatchObject({ 'room:talk': { seq: 2, from: 'alice' } });
});

// From here to the end of `tokens` they wait, mostly, and do so at the same time.
test.concurrent(
  '[JW5] a client that signs in again in the second of a revocation waits, shows a newer token, and is in',
  async () => {
    let asked = 0;
    const token = (): Promise<string> => {
      asked++;
      return engine.token('rita');
    };
    const before = open(engine.engine.url, { token });
    await before.join('again');
    const end = new Promise((resolve) => before.on('state', resolve));
    await engine.engine.revoke({ user: 'rita' });
    expect(await end).toMatchObject({ state: 'dead', why: { code: 'session_revoked' } });
    asked = 0;
    const states: ClientEvents['state'][] = [];
    const again = open(engine.engine.url, { token });
    again.on('state', (state) => void states.push(state));
    await again.join('again');
    const why = { code: 'unavailable', message: expect.stringContaining('newer token') };
    expect(states).toMatchObject([{ state: 'waiting', why }, { state: 'connecting' }, { state: 'alive' }]);
    expect(states[0]?.retryAfterMs).toBeGreaterThan(3_000);
    expect(asked).toBe(2);
    expect(await again.send('again', 'hello')).toMatchObject({ room: 'again', seq: 1 });
  },
);

test.concurrent(
  'cut off again and again, no client misses a message or sees it twice, and each is stored once',
  async () => {
    const proxy = await TcpProxy.to(engine.engine.url);
    const alice = await as('alice', proxy.through(engine.engine.url));
    const bob = await as('bob', proxy.through(engine.engine.url));
    const seen = shown(bob);
    await bob.join('rough', { since: 0 });
    await alice.join('rough');
    const sends: Promise<unknown>[] = [];
    for (let at = 0; at < 120; at++) {
      sends.push(alice.send('rough', String(at)));
      if (at % 30 === 10) proxy.cut();
      if (at % 10 === 0) await sends.at(-1);
    }
    await Promise.all(sends);
    await until(() => seen.length >= 120);
    expect(seen).toEqual(range(120));
    const page = await bob.history({ room: 'rough', limit: 200 });
    expect(page.messages.map((entry) => (entry as { content: string }).content)).toEqual(
      Array.from({ length: 120 }, (_, at) => String(at)),
    );
    await proxy.close();
  },
);

describe.concurrent('tokens', () => {
  test('[JW3] one that is nearly over is replaced, and the connection outlives it', async () => {
    let asked = 0;
    const first = await engine.token('carol', { ttlMs: 3_000 });
    const client = open(engine.engine.url, { token: () => (++asked === 1 ? first : engine.token('carol')) });
    const states: string[] = [];
    client.on('state', ({ state }) => void states.push(state));
    await client.join('talk');
    // Somebody who keeps the first token is shown when it is over.
    const witness = await TestClient.open(engine.engine.url, { token: first });
    expect(await witness.closed).toMatchObject({ code: 4005 });
    await client.rooms();
    expect(asked).toBe(2);
    expect(states).toEqual(['alive']);
  });

  test('[JW3] a client that wakes with an old one is refused, asks until there is a new one, and is back', async () => {
    const proxy = await TcpProxy.to(engine.engine.url);
    let token = await engine.token('dora', { ttlMs: 5_000 });
    const end = Date.now() + 5_000;
    const offered: string[] = [];
    class Watched extends WebSocket {
      constructor(url: string, protocols: string[]) {
        super(url, protocols);
        offered.push(protocols[1] as string);
      }
    }
    let asked = 0;
    const source = (): string => {
      asked++;
      return token;
    };
    const client = open(proxy.through(engine.engine.url), { token: source, WebSocket: Watched });
    const why: unknown[] = [];
    client.on('state', (event) => void why.push(event.why?.code));
    await client.join('wakes');
    await until(() => Date.now() > end - 300);
    proxy.refuse(true);
    proxy.cut();
    await until(() => Date.now() > end + 100);
    const [before, handshakes] = [asked, offered.length];
    proxy.refuse(false);
    await until(() => asked > before + 2);
    // It is not shown, although the server would say no to it at once.
    expect(offered).toHaveLength(handshakes);
    expect(client.state).not.toBe('dead');
    expect(why).toContain('no_token');
    token = await engine.token('dora');
    await until(() => client.state === 'alive');
    expect(offered.at(-1)).toBe(`bearer.${token}`);
    await proxy.close();
  });

  test('a client that begins with an old one learns the time from the refusal', async () => {
    let token = await engine.token('dora', { ttlMs: -60_000 });
    let asked = 0;
    const source = (): string => {
      asked++;
      return token;
    };
    const client = open(engine.engine.url, { token: source });
    await until(() => asked > 3);
    expect(client.state).not.toBe('dead');
    token = await engine.token('dora');
    expect(await client.join('wakes')).toMatchObject({ room: 'wakes' });
  });

  test('one that is refused is the end, also where a failed handshake has an error and no close, as in Node.js 22', async () => {
    class Silent extends WebSocket {
      constructor(url: string, protocols: string[]) {
        super(url, protocols, {});
      }

      override emit(event: string, ...args: unknown[]): boolean {
        const isSilent = event === 'close' && this.#wasRefused;
        this.#wasRefused ||= event === 'error';
        return !isSilent && super.emit(event, ...args);
      }

      #wasRefused = false;
    }
    const refused = open(engine.engine.url, { token: 'a.b.c', WebSocket: Silent });
    await expect(refused.join('lobby')).rejects.toMatchObject({ code: 'unauthorized' });
    const admitted = await as('silent', engine.engine.url, { WebSocket: Silent });
    expect(await admitted.join('lobby')).toMatchObject({ room: 'lobby' });
  });

  test('one that is refused is the end', async () => {
    const client = open(engine.engine.url, { token: 'no.token.atall' });
    await expect(client.join('talk')).rejects.toMatchObject({ name: 'VagusError', code: 'unauthorized' });
    expect(client.state).toBe('dead');
    await expect(client.send('talk', 'hi')).rejects.toMatchObject({ code: 'unauthorized' });
  });
});

test('[PU2] [RQ7] after a reconnect the list of who is in a room is right again', async () => {
  const proxy = await TcpProxy.to(engine.engine.url);
  const bob = await as('bob', proxy.through(engine.engine.url));
  const [alice, carol, dave, erin] = [
    await as('alice'),
    await as('carol'),
    await as('dave'),
    await as('erin'),
  ];
  await Promise.all([bob, alice, carol].map((client) => client.join('who')));
  const list = await bob.members('who');
  const names = (): string[] | undefined => list.users?.map(({ user }) => user);
  await until(() => list.count === 3);
  expect([names(), list.isCurrent]).toEqual([['alice', 'bob', 'carol'], true]);
  // What is kept by what is told is what each event leads to.
  const kept = new Set(names());
  bob.on('joined', ({ users }) => users.forEach((user) => kept.add(user)));
  bob.on('left', ({ users }) => users.forEach((user) => kept.delete(user)));
  proxy.refuse(true);
  proxy.cut();
  await until(() => bob.state !== 'alive' && !list.isCurrent);
  await carol.leave('who');
  await dave.join('who');
  // All of it has been told to who is there, so that nothing of it is left to be told to who comes back.
  const seen = await alice.members('who');
  await until(() => seen.users?.map(({ user }) => user).join() === 'alice,bob,dave');
  proxy.refuse(false);
  await until(() => list.isCurrent);
  expect(names()).toEqual(['alice', 'bob', 'dave']);
  expect([...kept].toSorted()).toEqual(['alice', 'bob', 'dave']);
  await erin.join('who');
  await dave.leave('who');
  await until(() => names()?.join() === 'alice,bob,erin');
  expect([...kept].toSorted()).toEqual(['alice', 'bob', 'erin']);
  await proxy.close();
});

test('more than 1,000 behind: the gap is filled', async () => {
  const proxy = await TcpProxy.to(engine.engine.url);
  const bob = await as('bob', proxy.through(engine.engine.url));
  const seen = shown(bob);
  await bob.join('long', { since: 0 });
  proxy.refuse(true);
  const alice = await as('alice', undefined, { queueMax: 3_000 });
  await Promise.all(range(2_300).map((at) => alice.send('long', String(at))));
  proxy.refuse(false);
  await until(() => seen.length >= 2_300);
  expect(seen).toEqual(range(2_300));
  await proxy.close();
}, 60_000);

describe('an engine that goes and comes back', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createDatabase();
  });
  afterAll(() => database.drop());

  test('on the same database and port: nothing missed, nothing twice, draining told', async () => {
    const first = await TestEngine.start({ databaseUrl: database.url });
    const { url } = first.engine;
    const [alice, bob] = [await as('alice', url), await as('bob', url)];
    const seen = shown(bob);
    const draining: number[] = [];
    bob.on('draining', ({ retryAfterMs }) => void draining.push(retryAfterMs));
    await bob.join('lobby', { since: 0 });
    for (let at = 0; at < 5; at++) await alice.send('lobby', String(at));
    await first.engine.close();
    expect(draining).toHaveLength(1);
    await until(() => bob.state !== 'alive');
    const sends = [5, 6, 7].map((at) => alice.send('lobby', String(at)));
    const port = Number(new URL(url).port);
    const second = await TestEngine.start({ ...testConfig({}), databaseUrl: database.url, port });
    expect((await Promise.all(sends)).map(({ seq }) => seq)).toEqual([6, 7, 8]);
    await until(() => seen.length >= 8);
    expect(seen).toEqual(range(8));
    alice.close();
    bob.close();
    await second.stop();
  }, 60_000);
});

describe('[RQ1] [RQ2] positions that a page has kept', () => {
  /** What another run of the page finds. */
  const stored = (client: Client): Client['positions'] => JSON.parse(JSON.stringify(client.positions));

  test('[RQ1] on the same database it goes on behind them', async () => {
    const page = await as('kate');
    const seen = shown(page);
    await page.join('kept', { since: 0 });
    await page.send('kept', 'one');
    await until(() => seen.length === 1);
    const kept = stored(page);
    expect(kept['room:kept']).toMatchObject({
      seq: 1,
      from: 'kate',
      id: expect.any(String),
      log: expect.any(String),
    });
    page.close();
    const writer = await as('bob');
    await writer.send('kept', 'two');
    const again = await as('kate');
    const later = shown(again);
    const resets: unknown[] = [];
    again.on('reset', (event) => void resets.push(event));
    await again.join('kept', { since: kept['room:kept']! });
    await until(() => later.length === 1);
    expect(later).toEqual([2]);
    expect(resets).toEqual([]);
  });

  test('[RQ1] for another database behind the same address: the client gets a reset, and can read everything', async () => {
    const other = await TestEngine.start();
    const fill = async (url: string, count: number, name: string): Promise<void> => {
      const writer = await as('bob', url);
      for (let at = 1; at <= count; at++) await writer.send('moved', `${name} ${at}`);
      writer.close();
    };
    await fill(engine.engine.url, 5, 'old');
    await fill(other.engine.url, 8, 'new');
    const page = await as('kate');
    const seen = shown(page);
    await page.join('moved', { since: 0 });
    await until(() => seen.length === 5);
    const kept = stored(page);
    page.close();
    const moved = await as('kate', other.engine.url);
    const texts: string[] = [];
    const readAll = async (): Promise<void> => {
      const { messages } = await moved.history({ room: 'moved', after: 0 });
      for (const entry of messages) if (entry.type === 'chat') texts.push(entry.content);
    };
    const resets: unknown[] = [];
    moved.on('reset', (event) => {
      resets.push(event);
      // As an application does that shows a room: what it had is not of this log, so it reads it from the beginning.
      void readAll();
    });
    await moved.join('moved', { since: kept['room:moved']! });
    await until(() => texts.length >= 8);
    expect(resets).toEqual([{ channel: 'room:moved', seq: 8 }]);
    expect(texts).toEqual(range(8).map((at) => `new ${at}`));
    await moved.send('moved', 'live');
    const live = shown(moved);
    await moved.send('moved', 'more');
    await until(() => live.length > 0);
    expect(live.at(-1)).toBe(10);
    moved.close();
    await other.stop();
  }, 60_000);
});

test('[RS1] while sockets do not get through, messages go by REST', async () => {
  class Blocked extends WebSocket {
    constructor(url: string, protocols: string[]) {
      super(isBlocked ? url.replace('/ws', '/nowhere') : url, protocols);
    }
  }
  let isBlocked = false;
  const client = await as('dave', undefined, { WebSocket: Blocked });
  const seen = shown(client);
  await client.join('rest', { since: 0 });
  await client.send('rest', 'by socket');
  isBlocked = true;
  const cut = await TcpProxy.to(engine.engine.url);
  const away = await as('erin', cut.through(engine.engine.url), { WebSocket: Blocked });
  const sent = await Promise.all(['one', 'two', 'three'].map((content) => away.send('rest', content)));
  expect(sent.map(({ seq }) => seq)).toEqual([2, 3, 4]);
  expect(away.state).not.toBe('alive');
  isBlocked = false;
  await until(() => away.state === 'alive');
  await away.send('rest', 'by socket again');
  await until(() => seen.length === 5);
  expect(seen).toEqual(range(5));
  away.close();
  await cut.close();
});

describe('bad input', () => {
  test.each(['', 'http://127.0.0.1/ws', 'ws://127.0.0.1/', 'no url', 'ws://127.0.0.1/ws#x'])(
    '%o is bad_url',
    (url) => {
      expect(() => open(url, { token: 'x' })).toThrow(expect.objectContaining({ code: 'bad_url' }));
    },
  );

  test('an address that is refused is shown without what may be a secret', () => {
    for (const url of [
      'http://user:secret@host/ws?token=secret',
      'ws://user:secret@host/ws',
      Symbol('x') as never,
    ])
      expect(() => open(url, { token: 'x' })).toThrow(
        expect.objectContaining({ code: 'bad_url', message: expect.not.stringContaining('secret') }),
      );
  });

  test.each([
    ['no options', undefined, 'no_token'],
    ['no token', {}, 'no_token'],
    ['a variable that is not set', { token: undefined }, 'no_token'],
    ['an empty token', { token: '' }, 'no_token'],
    ['a token with a line break', { token: 'a.b.c\n' }, 'no_token'],
    ['a token that is no text', { token: 7 }, 'no_token'],
    ['a bound below the first', { token: 'x', queueMax: 0 }, 'bad_option'],
    ['a time that is none', { token: 'x', joinTimeoutMs: 'soon' }, 'bad_option'],
    ['a class that is none', { token: 'x', WebSocket: 'ws' }, 'bad_option'],
    ['an option that there is not', { token: 'x', queuemax: 7 }, 'bad_option'],
    ['null for a token', { token: null }, 'no_token'],
  ])('%s is said at once', (_, options, code) => {
    expect(() => connect(engine.engine.url, options as never)).toThrow(
      expect.objectContaining({ name: 'VagusError', code }),
    );
  });

  test.each([
    ['throws', () => Promise.reject(new Error('signed out')), 'signed out'],
    ['gives nothing', () => undefined, 'the token must be a JWT, not undefined'],
    ['gives something else', () => ({ token: 'x' }), 'the token must be a JWT, not object'],
  ])(
    'a token function that %s is reported as the reason why there is no connection',
    async (_, token, message) => {
      const client = open(engine.engine.url, { token: token as never, joinTimeoutMs: 300 });
      const states: ClientEvents['state'][] = [];
      client.on('state', (event) => void states.push(event));
      const joined = client.join('talk');
      await until(() => states.some(({ state }) => state === 'waiting'));
      const why = { code: 'no_token', message: expect.stringContaining(message) };
      expect(states.find(({ state }) => state === 'waiting')).toMatchObject({ why });
      await expect(joined).rejects.toMatchObject({
        code: 'unavailable',
        message: expect.stringContaining(message),
      });
      await expect(client.refresh()).rejects.toMatchObject(why);
      client.close();
    },
  );

  test('without any WebSocket it is said what to do', () => {
    const given = globalThis as { WebSocket?: unknown };
    const kept = given.WebSocket;
    delete given.WebSocket;
    expect(() => connect('ws://127.0.0.1/ws', { token: 'x' })).toThrow(VagusError);
    if (kept) given.WebSocket = kept;
  });

  test('[JW4] a forbidden room, and content over the limit', async () => {
    const [owner, other] = [await as('alice'), await as('mallory')];
    await owner.create({ room: 'secret', access: 'private' });
    await expect(other.join('secret')).rejects.toMatchObject({ code: 'forbidden' });
    await expect(other.send('secret', 'hi')).rejects.toMatchObject({ code: 'forbidden' });
    await expect(other.send('talk', 'x'.repeat(70_000))).rejects.toMatchObject({ code: 'too_large' });
    await expect(other.send('talk', '')).rejects.toMatchObject({ code: 'bad_frame', field: 'content' });
    expect(other.state).toBe('alive');
  });

  test('a promise that the application does not await is no unhandled rejection', async () => {
    const others = process.listeners('unhandledRejection');
    process.removeAllListeners('unhandledRejection');
    const unhandled: unknown[] = [];
    const canary = new Error('nobody awaits this');
    const heard = new Promise<void>((resolve) => {
      process.on('unhandledRejection', (error) => {
        unhandled.push(error);
        if (error === canary) resolve();
      });
    });
    const client = open('ws://127.0.0.1:1/ws', { token: () => Promise.reject(new Error('no token')) });
    const refused = new Promise<void>((resolve) => {
      client.on('state', ({ state }) => void (state === 'waiting' && resolve()));
    });
    void client.send('talk', 'hi');
    void client.join('talk');
    void client.rooms();
    await refused;
    client.close();
    // They are told in the order in which they are rejected: what was before the last one is told before it.
    void Promise.reject(canary);
    await heard;
    process.removeAllListeners('unhandledRejection');
    for (const other of others) process.on('unhandledRejection', other);
    expect(unhandled).toEqual([canary]);
  });
});
