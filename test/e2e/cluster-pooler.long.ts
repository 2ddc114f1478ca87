import pg from 'pg';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import type { Frame } from '../support/client.ts';
import { Nodes } from '../support/nodes.ts';
import { sessionsOf, settingsOf, startBouncer, type Bouncer } from '../support/pgbouncer.ts';
import { acked, roomAt, shown } from '../support/talk.ts';

// A cluster whose nodes share the few connections of a pooler, which lends them for one transaction at a time (D22).

const NAMES = ['a', 'b', 'c'] as const;

let bouncer: Bouncer;
let nodes: Nodes;
beforeAll(async () => {
  bouncer = await startBouncer(inject('databaseUrl'), { mode: 'transaction', serverConnections: 4 });
  nodes = await Nodes.start(NAMES, {}, { bouncer });
});
afterAll(async () => {
  await nodes.stop();
  await bouncer.stop();
});

/** The settings of a session that no node has used. */
async function untouched(): Promise<Record<string, string>> {
  const client = new pg.Client({ connectionString: nodes.database.url });
  await client.connect();
  const settings = await settingsOf(client);
  await client.end();
  return settings;
}

test('[D22] [DG1] [DG2] [D11] three nodes chat in rooms of all homes; one is killed, its room goes on within 6 s, and nothing acked is lost', async () => {
  const least = (): Promise<number> => nodes.shares().then(({ a = 0, b = 0, c = 0 }) => Math.min(a, b, c));
  await expect.poll(least, { timeout: 20_000 }).toBeGreaterThan(250);
  const clients = await Promise.all(NAMES.map((name) => nodes.get(name).connect(`user-${name}`)));
  const [ann, bob, cy] = clients as [(typeof clients)[0], (typeof clients)[0], (typeof clients)[0]];
  const rooms: string[] = [];
  for (const name of NAMES) {
    const room = await roomAt(nodes, name, ann);
    rooms.push(room);
    for (const client of [bob, cy])
      expect(await client.request({ type: 'join', room })).toMatchObject({ type: 'ack' });
    const sent = clients.flatMap((client, n) =>
      Array.from({ length: 20 }, (_, m) => acked(client, room, `${n}-${m}`)),
    );
    await Promise.all(sent);
    await ann.until(() => shown(ann, room).length === 61);
    for (const client of [bob, cy]) {
      await client.until(() => shown(client, room).length === 60);
      expect(shown(client, room)).toEqual(shown(ann, room).slice(1));
    }
  }
  const room = rooms[1] as string;
  const before = shown(ann, room);
  const killedAt = performance.now();
  await nodes.get('b').kill();
  await acked(ann, room, 'after');
  expect(performance.now() - killedAt).toBeLessThan(6_000);
  await cy.until(() => shown(cy, room).includes('after'));
  const { messages } = await cy.request({ type: 'history', room, limit: 100 });
  expect((messages as Frame[]).map(({ id }) => id)).toEqual([...before, 'after']);
  for (const other of rooms) await acked(cy, other, 'last');
  for (const client of [ann, cy]) await client.close();
});

test('[D22] the nodes leave nothing in the sessions of the pooler', async () => {
  const settings = await untouched();
  for (const session of await sessionsOf(bouncer, nodes.database.url, 20))
    expect(session).toEqual({ settings, prepared: [] });
  const locks = await nodes.database.query(
    `select 1 from pg_locks l join pg_database d on d.oid = l.database
      where l.locktype = 'advisory' and l.granted and d.datname = current_database()`,
  );
  expect(locks).toEqual([]);
  // The nodes have used the pooler's sessions, and no others.
  const [used] = await nodes.database.query(
    `select count(*)::int as n from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`,
  );
  expect(used?.['n']).toBeLessThanOrEqual(4 + 2);
});
