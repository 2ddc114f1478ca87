import { afterAll, beforeAll, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { connect, type BaseOptions, type Client } from '../../client/src/base.ts';
import { rest } from '../../client/src/rest.ts';
import { validateRequest } from '../../client/src/wire/validate-request.ts';
import { TestEngine } from '../support/engine.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';

// `vagus-client/base` on real sockets and a real engine: what it has, and what the two imports beside it add.

let engine: TestEngine;
const clients: Client[] = [];

beforeAll(async () => {
  engine = await TestEngine.start();
});

afterAll(async () => {
  for (const client of clients) client.close();
  await engine.stop();
});

const open = (url: string, options: BaseOptions, additions?: Parameters<typeof connect>[2]): Client => {
  const client = connect(url, { WebSocket: WebSocket, ...options }, additions);
  clients.push(client);
  return client;
};

/** Resolves with the first event of a name that is as wanted. */
const told = (
  client: Client,
  name: 'state' | 'message' | 'resumed',
  isWanted: (event: any) => boolean = () => true,
): Promise<any> =>
  new Promise((resolve) => {
    const off = client.on(name, (event) => {
      if (!isWanted(event)) return;
      off();
      resolve(event);
    });
  });

test('it joins, sends, leaves, and says where it is', async () => {
  const [alice, bob] = (await Promise.all(
    ['alice', 'bob'].map(async (user) => open(engine.engine.url, { token: await engine.token(user) })),
  )) as [Client, Client];
  expect(await bob.join('talk')).toMatchObject({ room: 'talk', seq: 0 });
  await alice.join('talk');
  const message = told(bob, 'message');
  const sent = await alice.send('talk', 'hi', { data: { a: 1 } });
  expect(await message).toMatchObject({ room: 'talk', from: 'alice', content: 'hi', data: { a: 1 }, seq: 1 });
  expect(await alice.send('talk', 'hi', { id: sent.id })).toEqual({ ...sent, duplicate: true });
  expect(bob.positions['room:talk']).toMatchObject({ seq: 1, id: sent.id, from: 'alice' });
  await bob.leave('talk');
  await expect(bob.leave('talk')).rejects.toMatchObject({ name: 'VagusError', code: 'not_joined' });
  bob.close();
  expect(bob.state).toBe('dead');
  await expect(bob.join('talk')).rejects.toMatchObject({ code: 'closed' });
  expect(() => open(engine.engine.url, { token: '' })).toThrow(expect.objectContaining({ code: 'no_token' }));
});

test('[DG4] a connection that is cut loses nothing, and repeats nothing', async () => {
  const proxy = await TcpProxy.to(engine.engine.url);
  const url = proxy.through(engine.engine.url);
  const writer = open(url, { token: await engine.token('writer') });
  const reader = open(url, { token: await engine.token('reader') });
  const seqs: number[] = [];
  reader.on('message', ({ seq }) => void seqs.push(seq));
  await Promise.all([writer.join('cut'), reader.join('cut')]);
  const last = told(reader, 'message', ({ content }) => content === '39');
  const sent = Array.from({ length: 40 }, async (_, at) => {
    if (at === 20) proxy.cut();
    return writer.send('cut', String(at));
  });
  expect((await Promise.all(sent)).map(({ seq }) => seq)).toEqual(
    seqs.length < 40 ? expect.any(Array) : seqs,
  );
  await last;
  expect(seqs).toEqual(Array.from({ length: 40 }, (_, at) => at + 1));
  await proxy.close();
});

test('[FR2] a refusal of the server is reported; with validation the request is not even sent', async () => {
  const token = await engine.token('carol');
  const plain = open(engine.engine.url, { token });
  await expect(plain.join('not a room')).rejects.toMatchObject({ code: 'bad_frame', field: 'room' });
  const cyclic: Record<string, unknown> = {};
  cyclic['self'] = cyclic;
  await expect(plain.send('talk', 'x', { data: cyclic })).rejects.toMatchObject({ code: 'bad_frame' });
  let isSent = false;
  class Watched extends WebSocket {
    override send(text: string): void {
      isSent ||= text.includes('not a room');
      super.send(text);
    }
  }
  const checked = open(engine.engine.url, { token, WebSocket: Watched }, { encode: validateRequest });
  await expect(checked.join('not a room')).rejects.toMatchObject({ code: 'bad_frame', field: 'room' });
  await checked.join('talk');
  expect(isSent).toBe(false);
});

test('[RS1] with REST it sends while sockets do not get through, and hears why it is not let in', async () => {
  class Blocked extends WebSocket {
    constructor(url: string, protocols: string[]) {
      super(url.replace('/ws', '/nowhere'), protocols);
    }
  }
  const { url } = engine.engine;
  const reader = open(url, { token: await engine.token('reader') });
  await reader.join('talk');
  const message = told(reader, 'message', ({ from }) => from === 'dave');
  const blocked = open(url, { token: await engine.token('dave'), WebSocket: Blocked }, { http: rest(url) });
  expect(await blocked.send('talk', 'by REST')).toMatchObject({ room: 'talk' });
  expect(await message).toMatchObject({ content: 'by REST' });
  expect(blocked.state).not.toBe('alive');
  const refused = open(url, { token: 'x.y.z' }, { http: rest(url) });
  expect(await told(refused, 'state', ({ state }) => state === 'dead')).toMatchObject({
    why: { code: 'unauthorized' },
  });
});

test('[JW3] a token that is over is replaced by the function that gives them', async () => {
  const { url } = engine.engine;
  let asked = 0;
  const client = open(url, {
    token: async () => {
      asked++;
      return engine.token('erin', asked === 1 ? { ttlMs: 2_000 } : {});
    },
  });
  await client.join('talk');
  const back = told(client, 'resumed');
  expect(await told(client, 'state', ({ state }) => state === 'waiting')).toMatchObject({
    why: { code: 'unavailable', message: expect.stringContaining('4005') },
  });
  expect(await back).toEqual({ room: 'talk' });
  expect(asked).toBe(2);
});
