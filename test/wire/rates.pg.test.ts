import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TestEngine } from '../support/engine.ts';

let node: TestEngine;
beforeAll(async () => {
  node = await TestEngine.start({
    messagesPerMinute: 5,
    requestsPerMinute: 8,
    signalsPerSecond: 3,
    rateAbusePerMinute: 4,
    connectionsPerUser: 3,
  });
});
afterAll(() => node.stop());

const chat = (content: string) => ({ type: 'chat', room: 'a', content });

describe('[LM2] messages', () => {
  test('[LM2] [HS5] the welcome says how many a minute; so many at once, over all connections, then rate_limited', async () => {
    const [phone, laptop] = [await node.connect('ann'), await node.connect('ann')];
    expect(phone.notifications('welcome')[0]?.['data'].limits).toMatchObject({ messagesPerMinute: 5 });
    const replies = await Promise.all(
      [phone, laptop].flatMap((client, device) =>
        Array.from({ length: 4 }, (_, n) => client.request({ ...chat('x'), id: `${device}-${n}` })),
      ),
    );
    expect(replies.filter((reply) => reply['type'] === 'ack')).toHaveLength(5);
    for (const reply of replies.filter((one) => one['type'] === 'error')) {
      expect(reply).toMatchObject({ code: 'rate_limited', retryable: true });
      expect(reply['retryAfterMs']).toBeGreaterThan(0);
      expect(reply['retryAfterMs']).toBeLessThanOrEqual(12_000);
    }
    const [row] = await node.database.query(
      `select count(*)::int as stored from vagus.messages where channel = 'room:a' and sender = 'ann'`,
    );
    expect(row).toEqual({ stored: 5 });
  });

  test('[LM2] a repeat costs one too, and the time in the error is the true one', async () => {
    // Of 20 a minute the next is there in 3 s.
    const quick = await TestEngine.start({ messagesPerMinute: 20 });
    const client = await quick.connect('bea');
    for (let n = 0; n < 20; n++)
      expect(await client.request({ ...chat('x'), id: 'same' })).toMatchObject({ seq: expect.any(Number) });
    const refused = await client.request({ ...chat('x'), id: 'same' });
    expect(refused).toMatchObject({ code: 'rate_limited' });
    await new Promise((resolve) => setTimeout(resolve, refused['retryAfterMs'] as number));
    expect(await client.request({ ...chat('x'), id: 'same' })).toMatchObject({ duplicate: true });
    await quick.stop();
  });

  test('[LM2] [CL2] a client that goes on in spite of it is closed with 4504; others are served', async () => {
    const [pushy, calm] = [await node.connect('cid'), await node.connect('dan')];
    for (let n = 0; n < 5; n++) expect(await pushy.request(chat('more'))).toMatchObject({ type: 'ack' });
    // The first that is refused is no abuse: how should it have been known?
    expect(await pushy.request(chat('more'))).toMatchObject({ code: 'rate_limited' });
    for (let n = 0; n < 4; n++) pushy.send(chat('and more'));
    expect(await pushy.closed).toEqual({ code: 4504, reason: 'rate_abuse' });
    expect(await calm.request(chat('hello'))).toMatchObject({ type: 'ack' });
    const text = await (await fetch(`http://127.0.0.1:${node.engine.adminPort}/metrics`)).text();
    expect(text).toMatch(/vagus_limited_total\{kind="messages"\} \d+/);
    expect(text).toContain('vagus_closed_total{reason="rate_abuse"} 1');
  });
});

test('[LM2] other requests have a number of their own; a pong is none of them', async () => {
  const client = await node.connect('eve');
  for (let n = 0; n < 20; n++) client.send({ type: 'heartbeat', status: 'pong' });
  for (let n = 0; n < 8; n++)
    expect(await client.request({ type: 'history', channel: 'user' })).toMatchObject({ messages: [] });
  expect(await client.request({ type: 'presence', room: 'a' })).toMatchObject({
    code: 'rate_limited',
    retryAfterMs: expect.any(Number),
  });
  expect(await client.request(chat('is another matter'))).toMatchObject({ type: 'ack' });
});

test('[LM2] signals beyond the number are dropped, and nothing is said of it', async () => {
  const [fay, gil] = [await node.connect('fay'), await node.connect('gil')];
  for (const client of [fay, gil]) await client.request({ type: 'join', room: 'signals' });
  const replies = await Promise.all(
    Array.from({ length: 10 }, (_, n) => fay.request({ type: 'signal', room: 'signals', data: n })),
  );
  expect(replies.every((reply) => reply['type'] === 'ack')).toBe(true);
  // The chat comes behind all of them.
  await fay.request({ type: 'chat', room: 'signals', content: 'end' });
  await gil.chat('signals', 'end');
  expect(gil.notifications('signal').length).toBeGreaterThan(0);
  expect(gil.notifications('signal').length).toBeLessThanOrEqual(3);
});

test('[LM6] one connection more than a user may have: 429 too_many_connections; a connection that closes makes room', async () => {
  const clients = [await node.connect('hal'), await node.connect('hal'), await node.connect('hal')];
  const { TestClient } = await import('../support/client.ts');
  expect(await TestClient.refused(node.engine.url, { token: await node.token('hal') })).toMatchObject({
    status: 429,
    body: { code: 'too_many_connections' },
  });
  clients[0]?.ws.close(1000);
  await clients[0]?.closed;
  await expect.poll(async () => (await node.connect('hal')).ws.readyState, { timeout: 5_000 }).toBe(1);
});

test('0 is no limit', async () => {
  const free = await TestEngine.start({ databaseUrl: node.database.url });
  const client = await free.connect('ivy');
  expect(client.notifications('welcome')[0]?.['data'].limits).toMatchObject({ messagesPerMinute: 0 });
  const replies = await Promise.all(
    Array.from({ length: 500 }, (_, n) => client.request({ ...chat('x'), id: `n${n}` })),
  );
  expect(replies.every((reply) => reply['type'] === 'ack')).toBe(true);
  await free.stop();
});

describe('[LM2] work that is refused', () => {
  const keys = (count: number): object =>
    Object.fromEntries(Array.from({ length: count }, (_, n) => [`k${n}`, n % 10]));
  const ABUSE = { code: 4504, reason: 'rate_abuse' };

  test('[LM2] a request counts once for each 4 KiB begun', async () => {
    const client = await node.connect('jan');
    const pad = 'x'.repeat(3 * 4_096);
    expect(await client.request({ type: 'history', channel: 'user', pad })).toMatchObject({ messages: [] });
    for (let n = 0; n < 4; n++)
      expect(await client.request({ type: 'history', channel: 'user' })).toMatchObject({ messages: [] });
    expect(await client.request({ type: 'history', channel: 'user' })).toMatchObject({
      code: 'rate_limited',
    });
  });

  test('[FR2] [RQ2] two resumes of 6,000 names are more bad frames than are borne, and cost little', async () => {
    const client = await node.connect('kim');
    for (let n = 0; n < 2; n++) client.send({ type: 'resume', channels: keys(6_000) });
    expect(await client.closed).toEqual({ code: 4503, reason: 'too_many_bad_frames' });
    expect(client.frames.filter(({ code }) => code === 'bad_frame')).toHaveLength(2);
  });

  test('[LM2] [CL2] pongs without an end close with 4504; as many as there are pings do not', async () => {
    const [calm, eager] = [await node.connect('lea'), await node.connect('max')];
    for (let n = 0; n < 100; n++) calm.send({ type: 'heartbeat', status: 'pong' });
    await calm.fence();
    for (let n = 0; n < 120; n++) eager.send({ type: 'heartbeat', status: 'pong' });
    expect(await eager.closed).toEqual(ABUSE);
    expect(calm.ws.readyState).toBe(calm.ws.OPEN);
  });

  test('[LM2] a pong that says too much counts for many', async () => {
    const client = await node.connect('max');
    for (let n = 0; n < 5; n++) client.send({ type: 'heartbeat', status: 'pong', ...keys(1_000) });
    expect(await client.closed).toEqual(ABUSE);
  });

  test('[LM2] [CL2] a client that goes on with signals far beyond the number is closed with 4504', async () => {
    const client = await node.connect('ned');
    await client.request({ type: 'join', room: 'signals' });
    for (let n = 0; n < 60; n++) client.send({ type: 'signal', room: 'signals', data: n });
    await client.fence();
    for (let n = 0; n < 60; n++) client.send({ type: 'signal', room: 'signals', data: n });
    expect(await client.closed).toEqual(ABUSE);
  });
});
