import { randomUUID } from 'node:crypto';
import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Channel } from '../../src/protocol/channels.ts';
import { openStore } from '../../src/store/open.ts';
import { migrate } from '../../src/store/postgres/migrate.ts';
import { PgClient } from '../../src/store/postgres/pg-client.ts';
import { statement } from '../../src/store/postgres/statement.ts';
import { claim } from '../../src/store/postgres/claim.ts';
import { append } from '../../src/store/postgres/statements.ts';
import { get } from '../contract/log-store.contract.ts';
import { change, place, take, viewOf } from '../contract/log-store-view.contract.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';

let database: TestDatabase;
let client: PgClient;

beforeAll(async () => {
  database = await createDatabase();
  client = new PgClient({
    url: database.url,
    connections: 1,
    statementTimeoutMs: 2_500,
    onIdleError: () => {},
  });
  await migrate(client);
}, 60_000);
afterAll(async () => {
  await client.close();
  await database.drop();
});

const plans = statement('plans', sql`select name, generic_plans, custom_plans from pg_prepared_statements`);

test('PostgreSQL plans the append once in a session, not each time it runs', async () => {
  const channels = ['room:planned'];
  const [claimed] = await client.query(
    claim,
    { owner: 'a', channels, epochs: [0], creates: [true], shards: [null] },
    5_000,
  );
  for (let n = 1; n <= 20; n++) {
    const values = {
      owner: 'a',
      channels,
      epochs: [claimed?.[1]],
      heads: [0],
      creates: [false],
      senders: ['ann'],
      ids: [`m${n}`],
      contents: ['text'],
      datas: ['{}'],
      sentAts: [null],
    };
    expect(await client.query(append, values, 5_000)).toEqual([[n, expect.any(Number), false, 'own']]);
  }
  const kept = await client.query(plans, {}, 5_000);
  expect(kept).toContainEqual(['vagus_append', 20, 0]);
});

/** How a table was read: the scans of the table, those of an index, and the rows that the latter fetched. */
interface Reads {
  readonly seq: number;
  readonly idx: number;
  readonly fetched: number;
}

test('[D8] leases, the view, newer changes of rights, and the channels that claims name are found by index', async () => {
  const own = await createDatabase();
  const store = await openStore({
    databaseUrl: own.url,
    dataDir: '',
    connections: 4,
    statementTimeoutMs: 2_500,
    fsyncOff: 'allow',
    onIdleError: () => {},
    onEnd: () => {},
  });
  await own.query(`
    insert into vagus.channels (channel, epoch, owner, head) select 'room:old-' || n, 1, 'x', 0 from generate_series(1, 5000) n`);
  await own.query(
    `insert into vagus.leases (incarnation, node) select 'n.' || n, 'n' from generate_series(1, 50) n`,
  );
  const reads = async (): Promise<Record<string, Reads>> => {
    const rows = await own.query(
      `select relname, seq_scan::int as seq, idx_scan::int as idx, idx_tup_fetch::int as fetched from pg_stat_user_tables
      where schemaname = 'vagus' and relname in ('channels', 'leases', 'view', 'revocations', 'removals', 'counters')`,
    );
    return Object.fromEntries(rows.map(({ relname, ...counts }) => [relname, counts])) as Record<
      string,
      Reads
    >;
  };
  await own.query(`
    insert into vagus.revocations ("user", issued_by, until, revoked_at, number)
    select 'u' || n, 0, 'infinity', now(), n from generate_series(1, 5000) n`);
  await own.query(`
    insert into vagus.removals (number, room, "user", why)
    select 5000 + n, 'old-' || n, 'u', 'removed' from generate_series(1, 5000) n`);
  await own.query(`insert into vagus.counters values ('revocations', 10000)`);
  await own.query(`insert into vagus.counters select 'other-' || n, n from generate_series(1, 50) n`);
  const before = await reads();

  for (let n = 1; n <= 8; n++) {
    await get(store, 'revoke', { user: `new-${n}`, session: null, before: null, keepMs: null });
    await get(store, 'ban', { room: `r${n}`, user: `new-${n}`, until: null, createsRoom: false });
    const newer = await get(store, 'revokedAfter', { number: 9_990, limit: 10 + n });
    const numbers = newer.map(({ number }) => number);
    expect(numbers.slice(0, 10)).toEqual(Array.from({ length: 10 }, (_, at) => 9_991 + at));
    expect(numbers).toHaveLength(10 + n);
  }
  await take(store, 'a.1');
  await take(store, 'a.1');
  await get(store, 'renew', { incarnation: 'a.1', node: 'a', mode: 'renew' });
  const first = await place(store, 'a.1', 'b.1');
  expect(await change(store, first, { ...viewOf(2, 'a.1'), stamp: randomUUID() })).toBe(true);
  await get(store, 'declareDead', { leases: [{ incarnation: 'n.7', beats: 0 }] });
  for (const mode of ['open', 'create', 'create', 'settle'] as const) {
    const claims = Array.from({ length: 512 }, (_, n) => {
      const channel: Channel = `room:${mode === 'create' ? 'new' : 'old'}-${n + 1}`;
      return { channel, mode, epoch: mode === 'settle' ? 2 : 0, shard: n };
    });
    const reply = await get(store, 'claim', { owner: 'a.1', claims });
    expect([...reply.values()].every((claimed) => claimed !== null)).toBe(true);
    expect(reply.size).toBe(512);
  }
  await store.close();

  // The server counts what a session did once the session has ended.
  const statementsOf = { channels: 3, leases: 7, view: 8, revocations: 8, removals: 8, counters: 11 };
  await expect
    .poll(async () => {
      const after = await reads();
      return Object.entries(statementsOf).every(([table, least]) => (after[table]?.idx ?? 0) >= least);
    })
    .toBe(true);
  const after = await reads();
  for (const table of Object.keys(statementsOf))
    expect([table, after[table]?.seq]).toEqual([table, before[table]?.seq]);
  // No claim walks the whole index either.
  expect(after['channels']?.fetched).toBeLessThan(5_000);
  // No look for newer changes of rights reads the older ones.
  expect(after['revocations']?.fetched).toBeLessThan(200);
  expect(after['removals']?.fetched).toBeLessThan(200);
  await own.drop();
});
