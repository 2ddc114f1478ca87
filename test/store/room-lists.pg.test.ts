import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openStore } from '../../src/store/open.ts';
import { listed } from '../../src/store/postgres/list-rooms.ts';
import { PLAN_SETTINGS } from '../../src/store/postgres/pg-settings.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';

// How much the server reads for a page of the list of rooms, among many rooms that it does not show.

const ROOMS = 100_000;
const PAGE = 50;

let database: TestDatabase;
let session: pg.Client;
beforeAll(async () => {
  database = await createDatabase();
  const store = await openStore({
    databaseUrl: database.url,
    dataDir: '',
    connections: 1,
    statementTimeoutMs: 10_000,
    onIdleError: () => {},
    onEnd: () => {},
    fsyncOff: 'allow',
  });
  await store.close();
  session = new pg.Client({ connectionString: database.url });
  await session.connect();
  for (const [name, value] of Object.entries(PLAN_SETTINGS)) await session.query(`set ${name} = ${value}`);
  await session.query('set plan_cache_mode = force_generic_plan');
  await session.query(`prepare listed as ${listed.text}`);
  await costOf({ user: 'dave', asAdmin: false, after: '', limit: PAGE, invited: true });
  // Private rooms with few members and some public ones. One user is invited to half of them, and many users are banned.
  await database.query(`
    insert into vagus.rooms (room, access, metadata, creator)
    select 'room-' || lpad(n::text, 6, '0'), case when n % 100 = 0 then 'public' else 'private' end, '{}', 'maker'
    from generate_series(1, ${ROOMS}) n`);
  await database.query(`
    insert into vagus.members (room, "user", is_invited)
    select room, 'maker', false from vagus.rooms
    union all select room, 'popular', right(room, 1) <> '0' from vagus.rooms
    union all select room, 'dave', false from vagus.rooms where right(room, 3) = '001'`);
  await database.query(`
    insert into vagus.bans (room, "user") select room, 'mallory' from vagus.rooms where access = 'private'
    union all select room, 'troll-' || right(room, 2) from vagus.rooms`);
}, 120_000);
afterAll(async () => {
  await session.end();
  await database.drop();
});

interface Plan {
  readonly 'Shared Hit Blocks': number;
  readonly 'Shared Read Blocks': number;
  readonly 'Actual Rows': number;
}

/** The cost of one page by the generic plan, which sessions keep. */
async function costOf(values: Readonly<Record<string, unknown>>): Promise<{ rows: number; blocks: number }> {
  const bound = listed.bind(values).map((value) => (value === null ? 'null' : `'${String(value)}'`));
  const { rows } = await session.query<{ 'QUERY PLAN': [{ Plan: Plan }] }>(
    `explain (analyze, buffers, format json) execute listed (${bound.join()})`,
  );
  const plan = rows[0]?.['QUERY PLAN'][0].Plan as Plan;
  return { rows: plan['Actual Rows'], blocks: plan['Shared Hit Blocks'] + plan['Shared Read Blocks'] };
}

describe.each([
  ['planned while there were none', false],
  ['planned when they were counted', true],
])('%s', (_, isCounted) => {
  beforeAll(async () => {
    if (isCounted) await database.query('analyze');
  });

  test.each([
    ['stranger', false, false],
    ['dave', false, false],
    ['popular', false, false],
    ['popular', false, true],
    ['mallory', false, true],
    ['admin', true, false],
  ])('[RQ11] the server reads a page in order, and no further: %s', async (user, asAdmin, invited) => {
    for (const after of ['', 'room-050000']) {
      const cost = await costOf({ user, asAdmin, after, limit: PAGE, invited });
      expect(cost.rows).toBe(PAGE + 1);
      // A page of each kind of room, and a few blocks for each room: its record, and the reader's ban.
      expect(cost.blocks).toBeLessThan(4 * (PAGE + 1) * 8);
    }
  });
});
