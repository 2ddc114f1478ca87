import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openStore, type OpenStore } from '../../src/store/open.ts';
import { PLAN_SETTINGS } from '../../src/store/postgres/pg-settings.ts';
import * as statements from '../../src/store/postgres/statements.ts';
import type { Statement } from '../../src/store/postgres/statement.ts';
import { get } from '../contract/log-store.contract.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';

// How much the server reads for a page of history, compared with what it sends.

const ENTRIES = 1_100;
const BYTES_MAX = 262_144;

let database: TestDatabase;
let store: OpenStore;
let session: pg.Client;
beforeAll(async () => {
  database = await createDatabase();
  store = await openStore({
    databaseUrl: database.url,
    dataDir: '',
    connections: 4,
    statementTimeoutMs: 10_000,
    onIdleError: () => {},
    onEnd: () => {},
    fsyncOff: 'allow',
  });
  // The largest contents, which PostgreSQL cannot compress, and contents that it just keeps in the row.
  await database.query(`
    insert into vagus.messages (channel, seq, epoch, sender, id, content, stored_at)
    select 'room:' || size.name, n, 1, 'alice', n::text, left(text.random, size.bytes), now()
    from (values ('large', 64000), ('middle', 1800), ('small', 20)) as size (name, bytes),
      generate_series(1, ${ENTRIES}) n
      cross join lateral (select string_agg(md5(n || '-' || k), '') as random from generate_series(1, 2000) k where n > 0) text`);
  session = new pg.Client({ connectionString: database.url });
  await session.connect();
  for (const [name, value] of Object.entries(PLAN_SETTINGS)) await session.query(`set ${name} = ${value}`);
}, 120_000);
afterAll(async () => {
  await session.end();
  await store.close();
  await database.drop();
});

interface Plan {
  readonly 'Shared Hit Blocks': number;
  readonly 'Shared Read Blocks': number;
  readonly 'Relation Name'?: string;
  readonly 'Actual Rows': number;
  readonly 'Actual Loops': number;
  readonly Plans?: readonly Plan[];
}

const limits = { limit: 1_000, bytesMax: BYTES_MAX, reader: null, asAdmin: false };

/** What the server sent, and what it read for that. */
async function costOf(statement: Statement, values: Record<string, unknown>) {
  const bound = statement.bind({ ...limits, ...values });
  const { rows } = await session.query<unknown[]>({ text: statement.text, values: bound, rowMode: 'array' });
  const explained = await session.query<{ 'QUERY PLAN': [{ Plan: Plan }] }>({
    text: `explain (analyze, buffers, format json) ${statement.text}`,
    values: bound,
  });
  const plan = explained.rows[0]?.['QUERY PLAN'][0].Plan as Plan;
  const rowsOf = (node: Plan): number =>
    (node['Relation Name'] === 'messages' ? node['Actual Rows'] * node['Actual Loops'] : 0) +
    (node.Plans ?? []).reduce((sum, child) => sum + rowsOf(child), 0);
  return {
    sent: rows.length,
    bytes: rows.reduce((sum, row) => sum + String(row[4] ?? '').length, 0),
    read: rowsOf(plan),
    blocks: plan['Shared Hit Blocks'] + plan['Shared Read Blocks'],
  };
}

describe.each([
  ['page_after', statements.pageAfter, { after: 0, upTo: ENTRIES }],
  ['page_before', statements.pageBefore, { before: ENTRIES + 1 }],
])('%s', (_, statement, start) => {
  test.each([
    ['large', 5],
    ['middle', 141],
  ])('[RQ6] a page sends nothing that does not fit, and stops reading: %s', async (name, sent) => {
    const cost = await costOf(statement, { channel: `room:${name}`, ...start });
    expect(cost.sent).toBe(sent);
    expect(cost.bytes).toBeGreaterThan(BYTES_MAX * 0.9);
    expect(cost.bytes).toBeLessThanOrEqual(BYTES_MAX);
    // The last slice is read to its end.
    expect(cost.read).toBeLessThanOrEqual(sent + 128);
    expect(cost.blocks).toBeLessThan(200);
  });

  test('[RQ6] a page of small entries ends at the count', async () => {
    const cost = await costOf(statement, { channel: 'room:small', ...start });
    expect(cost.sent).toBe(1_001);
    expect(cost.read).toBeLessThanOrEqual(1_001 + 128);
  });
});

test('[RQ6] the pages together have every entry, once and in order', async () => {
  for (const name of ['large', 'middle', 'small']) {
    const seqs: number[] = [];
    for (let more = true; more;) {
      const page = await get(store, 'page', {
        channel: `room:${name}`,
        start: { after: seqs.at(-1) ?? 0 },
        limit: 1_000,
        bytesMax: BYTES_MAX,
        reader: null,
      });
      expect(page.entries.every(({ content }) => content.length >= 20)).toBe(true);
      seqs.push(...page.entries.map(({ seq }) => seq));
      more = page.more;
    }
    expect(seqs).toEqual(Array.from({ length: ENTRIES }, (_, n) => n + 1));
  }
});
