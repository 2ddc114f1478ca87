import { afterAll, beforeAll, expect, test } from 'vitest';
import type { SessionKey } from '../../src/protocol/revocation.ts';
import { openStore, type OpenStore } from '../../src/store/open.ts';
import { get } from '../contract/log-store.contract.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';

// A node of the previous version beside this one, with its own statements.

const INSERT = `insert into vagus.revocations ("user", session, issued_by, until)
values ($1, $2, $3, to_timestamp($4::bigint / 1000.0))`;
const SELECT = `select exists (select from vagus.revocations r where r.session = t.session and r.until > now())
  or exists (
    select from vagus.revocations r
    where r.user = t.user and r.until > now() and coalesce(t.issued_at, 0) <= r.issued_by
  ) as is_revoked
from unnest($1::text[], $2::text[], $3::bigint[])
  with ordinality as t ("user", session, issued_at, ord) order by t.ord`;

let database: TestDatabase;
let store: OpenStore;
beforeAll(async () => {
  database = await createDatabase();
  const options = {
    connections: 4,
    statementTimeoutMs: 2_500,
    onIdleError: () => {},
    onEnd: () => {},
    fsyncOff: 'allow',
  } as const;
  store = await openStore({ ...options, databaseUrl: database.url, dataDir: '' });
});
afterAll(async () => {
  await store.close();
  await database.drop();
});

const key = (user: string, rest: Partial<SessionKey> = {}): SessionKey => ({
  user,
  session: undefined,
  issuedAt: undefined,
  openedAt: undefined,
  ...rest,
});

test('[JW5] a revocation of the previous version keeps its meaning', async () => {
  const until = Date.now() + 60_000;
  await database.query(INSERT, ['old', null, 1_000, until]);
  await database.query(INSERT, [null, 'old-s', 0, until]);
  await database.query(INSERT, ['old-over', null, 1_000, Date.now() - 1]);
  const found = await get(store, 'revoked', {
    sessions: [
      key('old', { issuedAt: 1_000.9 }),
      key('old', { issuedAt: 1_001, openedAt: 1 }),
      key('old'),
      key('x', { session: 'old-s', issuedAt: 5_000 }),
      key('old-over'),
    ],
  });
  expect(found.map(({ standing }) => standing)).toEqual(['ended', 'good', 'ended', 'ended', 'good']);
  expect(await get(store, 'unrevoke', { user: 'old', session: null })).toBe(true);
});

test('[JW5] a node of the previous version refuses the sessions that this one has ended, as far as it can know', async () => {
  const common = { session: null, keepMs: 60_000 };
  const { at } = await get(store, 'revoke', { ...common, user: 'new', before: null });
  await get(store, 'revoke', { ...common, user: 'cut', before: 5_000 });
  await get(store, 'revoke', { ...common, user: 'held', before: 5_000, keepMs: null });
  await get(store, 'revoke', { ...common, user: null, session: 'new-s', before: null });
  const second = Math.floor(at / 1_000);
  const asked = [
    ['new', null, second],
    ['new', null, second + 1],
    ['new', null, null],
    ['cut', null, 4_999],
    ['cut', null, 5_000],
    ['held', null, null],
    ['x', 'new-s', second + 100],
  ];
  const rows = await database.query(
    SELECT,
    [0, 1, 2].map((column) => asked.map((one) => one[column])),
  );
  expect(rows.map((row) => (row as { is_revoked: boolean }).is_revoked)).toEqual([
    true,
    false,
    true,
    true,
    false,
    true,
    true,
  ]);
});
