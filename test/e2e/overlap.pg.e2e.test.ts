import { test, type ExpectStatic } from 'vitest';
import type { TestClient } from '../support/client.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { NodeProcess, SECRET } from '../support/node-process.ts';

// Two processes on one database, as in every rolling update (D11, D13).

const serve = ({ url }: TestDatabase): Promise<NodeProcess> =>
  NodeProcess.start(['serve'], {
    DATABASE_URL: url,
    VAGUS_JWT_SECRET: SECRET,
    VAGUS_ROOMS_AUTO_CREATE: 'on',
  });

const leasesOf = async (database: TestDatabase): Promise<number> =>
  (await database.query('select incarnation from vagus.leases')).length;

/**
 * Sends until it is acked. A home that the other process has deposed meanwhile says `unavailable`, and is home again with the
 * next sending (DG5), as long as the two take turns.
 */
async function acks(expect: ExpectStatic, from: TestClient, room: string, id: string): Promise<void> {
  for (let tries = 1; ; tries++) {
    const reply = await from.request({ type: 'chat', room, id, content: id });
    if (reply['type'] === 'ack') return;
    expect(reply).toMatchObject({ type: 'error', code: 'unavailable' });
    expect(tries).toBeLessThan(3);
  }
}

/** How long a message that the one acks takes to the other, in milliseconds. */
async function passes(expect: ExpectStatic, from: TestClient, to: TestClient, id: string): Promise<number> {
  await acks(expect, from, 'shared', id);
  const acked = performance.now();
  await expect
    .poll(() => to.chats('shared').some((chat) => chat.endsWith(` ${id}`)), { timeout: 5_000 })
    .toBe(true);
  return performance.now() - acked;
}

// Both wait for seconds: they do so at the same time.
test.concurrent(
  '[DG2] what one process acks the clients of the other see within 3 s, both ways, in one order',
  async ({ expect }) => {
    const database = await createDatabase();
    const leases = (): Promise<number> => leasesOf(database);
    const [a, b] = [await serve(database), await serve(database)];
    const [ann, bob] = [await a.connect('ann'), await b.connect('bob')];
    for (const client of [ann, bob]) await client.request({ type: 'join', room: 'shared' });
    for (let n = 0; n < 3; n++) {
      expect(await passes(expect, ann, bob, `a${n}`)).toBeLessThan(3_000);
      expect(await passes(expect, bob, ann, `b${n}`)).toBeLessThan(3_000);
    }
    const both = [1, 2, 3, 4, 5, 6].map((seq) => `${seq} ${seq % 2 ? 'a' : 'b'}${Math.ceil(seq / 2) - 1}`);
    // One's own copy may come after the ack (RQ4).
    for (const client of [ann, bob]) await expect.poll(() => client.chats('shared')).toEqual(both);
    expect(await leases()).toBe(2);

    // The old one leaves, as it does at the end of an update: its row goes with it, and the questions stop.
    expect((await a.terminate()).code).toBe(0);
    expect(await leases()).toBe(1);
    const reads = async (): Promise<number> =>
      Number(/vagus_overlap_reads_total (\d+)/.exec(await b.metrics())?.[1]);
    await expect
      .poll(
        async () => {
          const before = await reads();
          await new Promise((resolve) => setTimeout(resolve, 3_000));
          return (await reads()) - before;
        },
        { timeout: 30_000 },
      )
      .toBe(0);
    expect(await reads()).toBeGreaterThan(3);
    await b.terminate();
    expect(await leases()).toBe(0);
    await database.drop();
  },
  90_000,
);

test.concurrent(
  '[DG2] what a process has acked right before it is killed is seen by the clients of the other',
  async ({ expect }) => {
    const database = await createDatabase();
    const leases = (): Promise<number> => leasesOf(database);
    const [a, b] = [await serve(database), await serve(database)];
    const [ann, bob] = [await a.connect('ann'), await b.connect('bob')];
    await bob.request({ type: 'join', room: 'last' });
    await expect.poll(leases).toBe(2);
    await acks(expect, ann, 'last', 'm');
    await a.kill();
    const killed = performance.now();
    await expect.poll(() => bob.chats('last'), { timeout: 5_000 }).toEqual(['1 m']);
    expect(performance.now() - killed).toBeLessThan(3_000);
    // Its row is cleared away by who is left.
    await expect.poll(leases, { timeout: 30_000, interval: 500 }).toBe(1);
    await b.terminate();
    await database.drop();
  },
  90_000,
);
