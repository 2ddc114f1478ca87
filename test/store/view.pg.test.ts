import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Channel } from '../../src/protocol/channels.ts';
import type { ClaimMode, LogStore, StoreCalls } from '../../src/runtime/ports/log-store.ts';
import type { View } from '../../src/runtime/ports/placement.ts';
import { openStore, type OpenStore } from '../../src/store/open.ts';
import { ask, claim, get, newRoom } from '../contract/log-store.contract.ts';
import { change, place, take, viewOf } from '../contract/log-store-view.contract.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';

// What only a server with several sessions shows of leases and the view: statements that meet at a row.

const options = {
  dataDir: '',
  connections: 8,
  statementTimeoutMs: 4_000,
  fsyncOff: 'allow' as const,
  onIdleError: () => {},
  onEnd: () => {},
};

let database: TestDatabase;
/** Two nodes. */
let one: OpenStore;
let two: OpenStore;
let holder: pg.Client;
beforeAll(async () => {
  database = await createDatabase();
  one = await openStore({ ...options, databaseUrl: database.url });
  two = await openStore({ ...options, databaseUrl: database.url });
  holder = new pg.Client({ connectionString: database.url });
  await holder.connect();
});
afterAll(async () => {
  await holder.end();
  await one.close();
  await two.close();
  await database.drop();
});

const renew = (store: LogStore, incarnation: string) =>
  get(store, 'renew', { incarnation, node: 'n', mode: 'renew' });

/** Waits until so many statements wait for a row that another transaction has locked. */
const waiting = (statements: number): Promise<unknown> =>
  expect
    .poll(() =>
      database.query(
        `select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`,
      ),
    )
    .toHaveLength(statements);

test('[D11] of a renewal and an accusation that meet exactly one takes effect', async () => {
  const races = 300;
  const ends = { renewed: 0, dead: 0 };
  for (let n = 0; n < races; n++) {
    const incarnation = `race.${n}`;
    await take(one, incarnation);
    const accuse = () => get(two, 'declareDead', { leases: [{ incarnation, beats: 0 }] });
    // Which of them is sent first takes turns.
    const both: Promise<unknown>[] =
      n % 2 ? [renew(one, incarnation), accuse()] : [accuse(), renew(one, incarnation)];
    const results = await Promise.all(both);
    const { isHeld } = results[n % 2 ? 0 : 1] as StoreCalls['renew']['reply'];
    const [row] = await database.query(
      'select beats::int, dead_at is not null as is_dead from vagus.leases where incarnation = $1',
      [incarnation],
    );
    expect(row).toEqual(isHeld ? { beats: 1, is_dead: false } : { beats: 0, is_dead: true });
    ends[isHeld ? 'renewed' : 'dead']++;
  }
  // Otherwise nothing has met.
  expect(ends.renewed).toBeGreaterThan(0);
  expect(ends.dead).toBeGreaterThan(0);
});

test('[D11] an accusation that meets a renewal under way leaves the lease alone, and does not wait', async () => {
  await take(one, 'slow.1');
  await take(one, 'gone.1');
  await holder.query(`begin; update vagus.leases set beats = beats + 1 where incarnation = 'slow.1'`);
  const leases = ['gone.1', 'slow.1'].map((incarnation) => ({ incarnation, beats: 0 }));
  await get(two, 'declareDead', { leases });
  await holder.query('commit');
  const { leases: seen } = await renew(two, 'other.1');
  const isDead = (name: string) => seen.find(({ incarnation }) => incarnation === name)?.isDead;
  expect([isDead('gone.1'), isDead('slow.1')]).toEqual([true, false]);
});

test('[D11] the end of others’ leases does not wait for one that is locked; the end of one’s own does', async () => {
  for (const incarnation of ['locked.1', 'over.1', 'own.1']) await take(one, incarnation);
  const kept = async () =>
    (await renew(two, 'other.1')).leases
      .map(({ incarnation }) => incarnation)
      .filter((name) => /^(locked|over|own)\./.test(name));
  await holder.query('begin');
  await holder.query(`select from vagus.leases where incarnation in ('locked.1', 'own.1') for update`);
  const others = ['locked.1', 'over.1'].map((incarnation) => ({ incarnation, beats: 0 }));
  await get(two, 'endLeases', { leases: others });
  expect(await kept()).toEqual(['locked.1', 'own.1']);
  const gone = get(one, 'endLeases', { leases: [{ incarnation: 'own.1', beats: null }] });
  await waiting(1);
  await holder.query('commit');
  await gone;
  expect(await kept()).toEqual(['locked.1']);
});

test('[D11] of two nodes that change the same view at once exactly one does', async () => {
  await place(one, 'a.1');
  for (let round = 0; round < 100; round++) {
    const before = (await get(one, 'view', {})) as View;
    const views = ['a.1', 'b.1'].map((node) => viewOf(before.version + 1, node));
    const done = await Promise.all([
      change(one, before, views[0] as View),
      change(two, before, views[1] as View),
    ]);
    expect(done.toSorted()).toEqual([false, true]);
    expect(await get(two, 'view', {})).toEqual(views[done.indexOf(true)]);
  }
});

test('[D11] of two nodes that make the first view at once exactly one does', async () => {
  for (let round = 0; round < 20; round++) {
    await database.query('delete from vagus.view');
    const views = ['a.1', 'b.1'].map((node) => viewOf(1, node));
    const done = await Promise.all([
      change(one, null, views[0] as View),
      change(two, null, views[1] as View),
    ]);
    expect(done.toSorted()).toEqual([false, true]);
    expect(await get(two, 'view', {})).toEqual(views[done.indexOf(true)]);
  }
});

test('[D11] a change of the view that another one holds up does not hold up the next renewal', async () => {
  await take(one, 'a.1');
  const before = await place(one, 'a.1');
  await holder.query('begin; update vagus.view set version = version');
  const changed = change(one, before, viewOf(before.version + 1, 'b.1'));
  expect(await renew(one, 'a.1')).toMatchObject({ isHeld: true });
  expect(await changed).toBe(false);
  await holder.query('rollback');
});

test('[D13] a change of the view keeps the columns of later versions', async () => {
  const before = await place(one, 'a.1');
  await database.query(`alter table vagus.view add column later text not null default 'x'`);
  await database.query(`update vagus.view set later = 'kept'`);
  expect(await change(one, before, viewOf(before.version + 1, 'b.1'))).toBe(true);
  expect(await database.query('select later from vagus.view')).toEqual([{ later: 'kept' }]);
  await database.query('alter table vagus.view drop column later');
});

test('[D19] a lease of an earlier version takes no homes, and is heard', async () => {
  await database.query(`insert into vagus.leases (incarnation, node) values ('old.1', 'old')`);
  const { leases } = await renew(one, 'other.1');
  expect(leases.find(({ incarnation }) => incarnation === 'old.1')).toMatchObject({
    takesHomes: false,
    isHeard: true,
  });
});

test('[D21] a database that allows only reads renews nothing, and shows leases and view', async () => {
  const own = await createDatabase();
  const store = await openStore({ ...options, databaseUrl: own.url });
  await take(store, 'a.1');
  const { version, stamp } = await place(store, 'a.1');
  await own.query(`do $$ begin
    execute format('alter database %I set default_transaction_read_only = on', current_database());
  end $$`);
  const reader = await openStore({ ...options, databaseUrl: own.url });
  expect(await renew(reader, 'b.1')).toMatchObject({
    isHeld: false,
    view: { version, stamp },
    leases: [{ incarnation: 'a.1', beats: 0, isDead: false, takesHomes: false, isHeard: true }],
  });
  expect(await get(reader, 'view', {})).toMatchObject({ version, stamp });
  const next = { before: { version, stamp }, view: viewOf(version + 1, 'b.1') };
  expect(await ask(reader, 'changeView', next)).toMatchObject({ ok: false, failure: 'failed' });
  await reader.close();
  await store.close();
  await own.drop();
});

test('[D11] a view of 32 nodes stays whole on one page', async () => {
  const nodes = Array.from({ length: 32 }, (_, n) => `node-${n}.${randomUUID()}`);
  await place(one, ...nodes);
  const [row] = await database.query(
    'select pg_column_size(shards) as shards, pg_column_size(nodes) as nodes, version::int from vagus.view',
  );
  // 24 bytes, and 2 a shard: neither compressed nor kept apart.
  expect(row).toMatchObject({ shards: 2_072 });
  expect(
    await database.query(
      `select pg_relation_size(reltoastrelid)::int as bytes from pg_class where oid = 'vagus.view'::regclass`,
    ),
  ).toEqual([{ bytes: 0 }]);
});

describe('[D7] a claim that waits for a row while the view gives its shard to another process', () => {
  const shard = 4;
  const claimAt = async (store: LogStore, owner: string, channel: Channel, mode: ClaimMode, epoch = 0) => {
    const claims = [{ channel, mode, epoch, shard }];
    return (await get(store, 'claim', { owner, claims })).get(channel);
  };
  const hold = (channel: Channel) =>
    holder
      .query('begin')
      .then(() => holder.query('update vagus.channels set head = head + 1 where channel = $1', [channel]));

  for (const mode of ['open', 'create', 'settle'] as const) {
    test(`is refused, and the other one keeps the channel: ${mode}`, async () => {
      await take(one, 'a.1');
      await take(two, 'b.1');
      const before = await place(one, 'a.1');
      const channel: Channel = `room:${newRoom()}`;
      const { epoch } = await claim(one, channel, 'a.1');
      await hold(channel);
      const late = claimAt(one, 'a.1', channel, mode, mode === 'settle' ? epoch : 0);
      await waiting(1);
      expect(await change(two, before, viewOf(before.version + 1, 'b.1'))).toBe(true);
      await holder.query('commit');
      expect(await late).toBeNull();
      expect(await claimAt(two, 'b.1', channel, 'open')).toEqual({ epoch: epoch + 1, head: 1 });
    });
  }

  test('is refused with all channels of its statement, also those whose rows were free', async () => {
    await take(one, 'a.1');
    const before = await place(one, 'a.1');
    const held: Channel = `room:b-${newRoom()}`;
    const channels = [`room:a-${newRoom()}`, held, `room:c-${newRoom()}`] as const;
    for (const channel of channels) await claim(one, channel, 'a.1');
    await hold(held);
    const claims = channels.map((channel) => ({ channel, mode: 'open' as const, epoch: 0, shard }));
    const late = get(one, 'claim', { owner: 'a.1', claims });
    await waiting(1);
    expect(await change(two, before, viewOf(before.version + 1, 'b.1'))).toBe(true);
    await holder.query('commit');
    expect(await late).toEqual(new Map(channels.map((channel) => [channel, null])));
  });

  test('or has been declared dead: is refused', async () => {
    await take(one, 'c.1');
    await place(one, 'c.1');
    const channel: Channel = `room:${newRoom()}`;
    await claim(one, channel, 'c.1');
    await hold(channel);
    const late = claimAt(one, 'c.1', channel, 'open');
    await waiting(1);
    await get(two, 'declareDead', { leases: [{ incarnation: 'c.1', beats: 0 }] });
    await holder.query('commit');
    expect(await late).toBeNull();
  });

  test('claims lock neither the view nor the lease', async () => {
    await take(one, 'a.1');
    const before = await place(one, 'a.1');
    const [held, free]: Channel[] = [`room:${newRoom()}`, `room:${newRoom()}`];
    await claim(one, held as Channel, 'a.1');
    await hold(held as Channel);
    const late = claimAt(one, 'a.1', held as Channel, 'open');
    await waiting(1);
    expect(await renew(one, 'a.1')).toMatchObject({ isHeld: true });
    expect(await claimAt(one, 'a.1', free as Channel, 'create')).toEqual({ epoch: 1, head: 0 });
    expect(await change(two, before, { ...viewOf(before.version + 1, 'a.1') })).toBe(true);
    await holder.query('commit');
    expect(await late).toEqual({ epoch: 2, head: 1 });
  });
});

test('[D8] claims by shard of two processes in opposite order never deadlock', async () => {
  await take(one, 'a.1');
  await take(two, 'b.1');
  await place(one, 'a.1', 'b.1');
  const channels = Array.from({ length: 40 }, (): Channel => `room:${newRoom()}`);
  const fight = async (
    store: LogStore,
    owner: string,
    order: readonly Channel[],
    shard: number,
  ): Promise<void> => {
    for (let round = 0; round < 60; round++) {
      const some = order.filter((_, n) => (n + round) % 3 > 0);
      const claims = some.map((channel, n) => ({
        channel,
        mode: (round % 2 ? 'create' : 'open') as ClaimMode,
        epoch: 0,
        shard: n % 4 ? shard : 1 - shard,
      }));
      expect(await ask(store, 'claim', { owner, claims })).toMatchObject({ ok: true });
    }
  };
  await Promise.all([
    fight(one, 'a.1', channels, 0),
    fight(one, 'a.1', channels.toReversed(), 0),
    fight(two, 'b.1', channels.toReversed(), 1),
    fight(two, 'b.1', channels, 1),
  ]);
  const [{ deadlocks } = {}] = await database.query(
    'select deadlocks from pg_stat_database where datname = current_database()',
  );
  expect(Number(deadlocks)).toBe(0);
});
