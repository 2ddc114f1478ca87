import { afterAll, beforeAll, expect, test } from 'vitest';
import { TestEngine } from '../support/engine.ts';
import { ask } from '../support/http.ts';

const KIB = 1_024;
const COUNT = 100;

let node: TestEngine;
beforeAll(async () => {
  // 16 pages of what a result may hold at once, and one in four seconds.
  node = await TestEngine.start({ readBytesPerSecond: 512 * KIB });
  const writer = await node.connect('writer');
  await writer.request({ type: 'chat', room: 'large', id: 'm1', content: 'x' });
  await node.database.query(
    `insert into vagus.messages (channel, seq, epoch, sender, id, content, stored_at)
     select 'room:large', n, 1, 'writer', 'm' || n, repeat('x', 60000), now() from generate_series(2, ${COUNT}) n`,
  );
  await node.database.query(`update vagus.channels set head = ${COUNT} where channel = 'room:large'`);
});
afterAll(() => node.stop());

test('[LM14] history is counted by its bytes, over sockets and REST: then rate_limited, until the told time has passed', async () => {
  const [one, two] = [await node.connect('ann'), await node.connect('ann')];
  const token = await node.token('ann');
  const read = (client: typeof one) => client.request({ type: 'history', room: 'large', limit: 4, after: 0 });
  const replies = await Promise.all(Array.from({ length: 40 }, (_, n) => read(n % 2 ? one : two)));
  const refused = replies.find((reply) => reply['type'] === 'error');
  expect(replies.filter((reply) => reply['type'] === 'history').length).toBeGreaterThanOrEqual(16);
  expect(refused).toMatchObject({ code: 'rate_limited', retryable: true });
  const retryAfterMs = refused?.['retryAfterMs'] as number;
  expect(retryAfterMs).toBeGreaterThan(0);
  expect(retryAfterMs).toBeLessThanOrEqual(8_000);
  // What was refused is refused over REST too, as long as it is spent.
  let answer = await ask(node.engine.port, '/v1/rooms/large/messages?limit=4', { token });
  while (answer.status === 200)
    answer = await ask(node.engine.port, '/v1/rooms/large/messages?limit=4', { token });
  expect(answer).toMatchObject({
    status: 429,
    body: { code: 'rate_limited', retryAfterMs: expect.any(Number) },
  });
  expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
  // Nobody else's.
  expect(await read(await node.connect('bob'))).toMatchObject({ type: 'history' });
  const pauseMs = answer.body['retryAfterMs'] as number;
  await new Promise((resolve) => setTimeout(resolve, pauseMs));
  expect(await ask(node.engine.port, '/v1/rooms/large/messages?limit=4', { token })).toMatchObject({
    status: 200,
  });
  expect(await node.engine.metrics()).toMatch(/vagus_limited_total\{kind="reads"\} [1-9]/);
});

test('[LM14] a replay over it is paced: all of it comes, in order, and live messages behind it', async () => {
  const client = await node.connect('eve');
  const began = performance.now();
  await client.request({ type: 'join', room: 'large', since: 0 });
  const writer = await node.connect('writer');
  await writer.request({ type: 'chat', room: 'large', id: 'live', content: 'x' });
  await expect.poll(() => client.chats('large').length, { timeout: 20_000 }).toBe(COUNT + 1);
  // 6 MB, of which 4 are there at once.
  expect(performance.now() - began).toBeGreaterThan(2_500);
  const seqs = client.chats('large').map((chat) => Number(chat.split(' ')[0]));
  expect(seqs).toEqual(Array.from({ length: COUNT + 1 }, (_, n) => n + 1));
});
