import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { SessionKey } from '../../src/protocol/revocation.ts';
import { openStore, type OpenStore } from '../../src/store/open.ts';
import { get } from '../contract/log-store.contract.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';

// Nodes beside this one: one of the previous version, with its own statements, and one of this version.

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
let other: OpenStore;
beforeAll(async () => {
  database = await createDatabase();
  const options = {
    connections: 8,
    statementTimeoutMs: 2_500,
    onIdleError: () => {},
    onEnd: () => {},
    fsyncOff: 'allow',
  } as const;
  store = await openStore({ ...options, databaseUrl: database.url, dataDir: '' });
  other = await openStore({ ...options, databaseUrl: database.url, dataDir: '' });
});
afterAll(async () => {
  await store.close();
  await other.close();
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

const newest = async (of: OpenStore): Promise<number> =>
  (await get(of, 'renew', { incarnation: 'a.1', node: 'a', mode: 'renew' })).losses;
const revoke = (of: OpenStore, user: string) =>
  get(of, 'revoke', { user, session: null, before: null, keepMs: 60_000 });
const after = (number: number) => get(store, 'revokedAfter', { number, limit: 1_000 });
const usersAfter = async (number: number): Promise<(string | null)[]> =>
  (await after(number)).map(({ user }) => user);

test('[D19] a revocation of the previous version has no number, and leaves no hole', async () => {
  const known = await newest(store);
  await revoke(store, 'numbered-1');
  await database.query(INSERT, ['unnumbered', null, 1_000, Date.now() + 60_000]);
  await revoke(store, 'numbered-2');
  expect(await usersAfter(known)).toEqual(['numbered-1', 'numbered-2']);
  expect((await after(known)).at(-1)?.number).toBe(await newest(store));
});

test('[D25] a revocation waits for the commit of one that drew its number earlier', async () => {
  // A slow insert, behind the drawing of its number.
  await database.query(`
    create function vagus.wait() returns trigger language plpgsql as $$ begin
      if new.user = 'slow' then perform pg_advisory_xact_lock(1); end if;
      return new;
    end $$;
    create trigger wait before insert on vagus.revocations for each row execute function vagus.wait()`);
  const holder = new pg.Client({ connectionString: database.url });
  await holder.connect();
  await holder.query('begin; select pg_advisory_xact_lock(1)');
  const waiting = (statements: number): Promise<unknown> =>
    expect
      .poll(() =>
        database.query(
          `select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`,
        ),
      )
      .toHaveLength(statements);
  const known = await newest(store);
  const slow = revoke(store, 'slow');
  await waiting(1);
  const fast = revoke(other, 'fast');
  await waiting(2);
  // A reader does not wait, and sees neither.
  expect([await newest(store), await usersAfter(known)]).toEqual([known, []]);
  await holder.query('commit');
  await Promise.all([slow, fast]);
  expect(await usersAfter(known)).toEqual(['slow', 'fast']);
  await holder.end();
  await database.query('drop function vagus.wait cascade');
});

test('[D25] a node that has read up to the newest number has missed none, while two nodes take rights away', async () => {
  const known = await newest(store);
  const each = 60;
  let isOver = false;
  const losses = [store, other, store, other].map(async (of, at) => {
    for (let n = 0; n < each; n++) {
      const name = `many-${at}-${n}`;
      if (n % 2 === 0) await revoke(of, name);
      else await get(of, 'ban', { room: name, user: name, until: null, createsRoom: false });
    }
  });
  const all = Promise.all(losses).finally(() => (isOver = true));
  const read: number[] = [];
  for (let last = false; !last;) {
    last = isOver;
    const number = await newest(other);
    const from = read.at(-1) ?? known;
    read.push(...(await after(from)).map((one) => one.number));
    // What the number stands for can be read.
    if (number > known) expect(read).toContain(number);
  }
  await all;
  // Each came behind those that were read before it, and none was read twice.
  expect(read).toEqual([...new Set(read)].toSorted((a, b) => a - b));
  expect((await after(known)).map(({ number }) => number)).toEqual(read);
  expect(read).toHaveLength(each * 4);
});
