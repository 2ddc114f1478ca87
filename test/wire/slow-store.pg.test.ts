import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { TestClient } from '../support/client.ts';
import { TestEngine } from '../support/engine.ts';

// A store that answers what it is asked, but for one table that somebody holds.

let node: TestEngine;
let holder: pg.Client;
beforeAll(async () => {
  node = await TestEngine.start();
  holder = new pg.Client({ connectionString: node.database.url });
  await holder.connect();
});
afterAll(async () => {
  await holder.end();
  await node.stop();
});

test('[HS5] behind a lock on the channels newcomers are welcomed within 2 s, without them, and stay', async () => {
  const before = await node.join('ann', 'a');
  await before.request({ type: 'chat', room: 'a', content: 'before' });
  await holder.query('begin; lock table vagus.channels in access exclusive mode');

  const dialled = performance.now();
  const newcomers = await Promise.all(
    ['bob', 'carol', 'dave'].map(async (user) =>
      TestClient.open(node.engine.url, { token: await node.token(user) }),
    ),
  );
  const welcomes = await Promise.all(newcomers.map((client) => client.welcome()));
  expect(performance.now() - dialled).toBeGreaterThan(1_900);
  expect(performance.now() - dialled).toBeLessThan(4_000);
  for (const welcome of welcomes) expect(welcome).not.toHaveProperty('channels');
  for (const client of newcomers)
    expect((await client.type('notification', 'degraded'))['data']).toEqual({
      features: ['chat', 'history'],
    });
  // A request that needs nothing of that table works. One that needs it is refused with a code, and does not wait for ever.
  const [bob] = newcomers as [TestClient];
  expect(await bob.request({ type: 'heartbeat', status: 'ping' })).toMatchObject({ status: 'pong' });
  expect(await bob.request({ type: 'rooms' })).toMatchObject({ type: 'rooms' });
  expect(await bob.request({ type: 'join', room: 'b' })).toMatchObject({
    code: 'unavailable',
    retryable: true,
  });
  // Longer than a handshake may take: nobody is thrown out for what the store does.
  await bob.until(() => performance.now() - dialled > 11_000, 15_000);

  await holder.query('rollback');
  for (const client of newcomers) {
    const over = (frame: Record<string, any>): boolean =>
      frame['action'] === 'degraded' && frame['data'].features.length === 0;
    await client.next(over);
  }
  expect(await bob.request({ type: 'join', room: 'a', since: 0 })).toMatchObject({ type: 'ack', seq: 1 });
  // A home in doubt takes nothing until it has claimed its channel again.
  const publish = (): Promise<string> =>
    node.engine.publishToUser('bob', { is: 'heard' }, 'once').then(
      () => 'stored',
      ({ code }: { readonly code: string }) => code,
    );
  await expect.poll(publish, { timeout: 10_000 }).toBe('stored');
  expect(await bob.type('notification', 'user_event')).toMatchObject({ data: { is: 'heard' } });
  for (const client of newcomers) client.terminate();
}, 60_000);
