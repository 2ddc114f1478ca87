import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Channel } from '../../src/protocol/channels.ts';
import type { EntryOutcome } from '../../src/runtime/ports/log-store.ts';
import { openStore, type OpenStore } from '../../src/store/open.ts';
import { PLAN_SETTINGS } from '../../src/store/postgres/pg-settings.ts';
import * as statements from '../../src/store/postgres/statements.ts';
import { logStoreFaultsContract } from '../contract/log-store-faults.contract.ts';
import {
  append,
  appendsTo,
  ask,
  claim,
  entry,
  epochIn,
  get,
  newRoom,
  readAll,
} from '../contract/log-store.contract.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';

// Faults that only a server with several sessions and a wire can have. PGlite has one session and no wire.

const options = {
  dataDir: '',
  connections: 6,
  statementTimeoutMs: 4_000,
  onIdleError: () => {},
  onEnd: () => {},
  fsyncOff: 'allow',
} as const;

let database: TestDatabase;
/** Connected without the proxy. */
let direct: OpenStore;
let proxy: TcpProxy;
/** Connected through the proxy. */
let wired: OpenStore;

beforeAll(async () => {
  database = await createDatabase();
  direct = await openStore({ ...options, databaseUrl: database.url });
  proxy = await TcpProxy.to(database.url);
  wired = await openStore({ ...options, databaseUrl: proxy.through(database.url) });
  // PostgreSQL stores messages with certain contents slowly.
  await database.query(`
    create function slow() returns trigger language plpgsql as $$
    begin
      if new.content like 'slow%' then perform pg_sleep(1); end if;
      return new;
    end $$`);
  await database.query(
    'create trigger slow before insert on vagus.messages for each row execute function slow()',
  );
});

afterAll(async () => {
  await wired.close();
  await proxy.close();
  await direct.close();
  await database.drop();
});

async function settle(channel: Channel, owner: string, epoch: number) {
  return (await get(direct, 'claim', { owner, claims: [{ channel, mode: 'settle', epoch }] })).get(channel);
}

test('[D8] appends and claims of two owners in opposite order never deadlock, and leave no hole', async () => {
  const channels = Array.from({ length: 20 }, (): Channel => `room:${newRoom()}`);
  const stores = await Promise.all(
    ['a', 'b'].map(() => openStore({ ...options, databaseUrl: database.url })),
  );
  const epochs = new Map<string, number>();
  let stored = 0;
  const fight = async (owner: string, at: number): Promise<void> => {
    const order = at ? channels : [...channels].toReversed();
    const store = stores[at] as OpenStore;
    for (let round = 0; round < 60; round++) {
      const claims = order
        .filter((_, n) => (n + round) % 3 === 0)
        .map((channel) => ({ channel, mode: 'create' as const, epoch: 0 }));
      const appends = order.flatMap((channel, n) =>
        appendsTo(channel, epochs.get(`${owner}${channel}`) ?? 0, [entry(`${owner}-${round}-${n}`)]),
      );
      const [granted, outcomes] = await Promise.all([
        get(store, 'claim', { owner, claims }),
        get(store, 'append', { owner, appends }),
      ]);
      for (const channel of granted.keys()) epochs.set(`${owner}${channel}`, epochIn(granted, channel));
      const types = outcomes.map(({ type }) => type);
      expect(types.every((type) => type === 'stored' || type === 'fenced' || type === 'busy')).toBe(true);
      stored += types.filter((type) => type === 'stored').length;
    }
  };
  await Promise.all([fight('a', 0), fight('b', 1)]);
  await Promise.all(stores.map((store) => store.close()));
  const [{ deadlocks } = {}] = await database.query(
    'select deadlocks from pg_stat_database where datname = current_database()',
  );
  expect(Number(deadlocks)).toBe(0);
  expect(stored).toBeGreaterThan(100);
  const rows = await database.query(
    'select channel, array_agg(seq order by seq) as seqs, array_agg(epoch order by seq) as epochs from vagus.messages where channel = any($1) group by 1',
    [channels],
  );
  for (const { seqs, epochs: reigns } of rows as { seqs: string[]; epochs: string[] }[]) {
    expect(seqs.map(Number)).toEqual(seqs.map((_, at) => at + 1));
    expect(reigns.map(Number)).toEqual(reigns.map(Number).toSorted((x, y) => x - y));
  }
});

test('[D7] a statement that waits for a lock while the claim goes through stores nothing', async () => {
  const channel: Channel = `room:${newRoom()}`;
  const { epoch } = await claim(direct, channel, 'a');
  await database.query(
    `create or replace procedure hold_messages() language plpgsql as $$ begin lock table vagus.messages in share mode; perform pg_sleep(1.5); end $$`,
  );
  const holding = database.query('call hold_messages()');
  await expect
    .poll(() =>
      database.query(
        `select 1 from pg_locks where mode = 'ShareLock' and granted and relation = 'vagus.messages'::regclass`,
      ),
    )
    .toHaveLength(1);
  const pending = append(wired, channel, 'a', epoch, [entry('waiting')]);
  await expect
    .poll(() =>
      database.query(`select 1 from pg_locks where not granted and relation = 'vagus.messages'::regclass`),
    )
    .not.toHaveLength(0);
  expect(await settle(channel, 'a', epoch)).toEqual({ epoch: epoch + 1, head: 0 });
  await holding;
  expect(await pending).toEqual([{ type: 'fenced' } satisfies EntryOutcome]);
  expect(await readAll(direct, channel)).toEqual([]);
});

describe('deadlines', () => {
  test('a pool without a free connection: failed, in time, and it recovers', async () => {
    proxy.hold('toClient');
    const stuck = Array.from({ length: 6 }, () => ask(wired, 'ping', {}, 1_500));
    const late = ask(wired, 'heads', { channels: [] }, 300);
    expect(await late).toMatchObject({ ok: false, failure: 'failed' });
    proxy.cut();
    proxy.release('toClient');
    await Promise.all(stuck);
    expect(await ask(wired, 'ping', {})).toMatchObject({ ok: true });
  });

  test('a session that an administrator ends: unknown', async () => {
    const channel: Channel = `room:${newRoom()}`;
    const { epoch } = await claim(direct, channel, 'a');
    const appends = appendsTo(channel, epoch, [entry('slow', { content: 'slow' })]);
    const pending = ask(direct, 'append', { owner: 'a', appends });
    await expect
      .poll(() =>
        database.query(`select pg_terminate_backend(pid) from pg_stat_activity where wait_event = 'PgSleep'`),
      )
      .toHaveLength(1);
    expect(await pending).toMatchObject({ ok: false, failure: 'unknown' });
    expect(await settle(channel, 'a', epoch)).toEqual({ epoch: epoch + 1, head: 0 });
  });
});

test('[D8] the search for repeats stays an index probe when the statistics are stale', async () => {
  const channel: Channel = `room:${newRoom()}`;
  const { epoch } = await claim(direct, channel, 'a');
  await database.query('analyze vagus.messages');
  await database.query(
    `insert into vagus.messages (channel, seq, epoch, sender, id, content, stored_at)
     select $1, n, $2, 'alice', 'old-' || n, 'x', now() from generate_series(1, 50000) n`,
    [channel, epoch],
  );
  await database.query('update vagus.channels set head = 50000 where channel = $1', [channel]);
  const session = new pg.Client({ connectionString: database.url });
  await session.connect();
  const values = statements.append.bind({
    owner: 'a',
    channels: [channel],
    epochs: [epoch],
    heads: [50_000],
    creates: [false],
    senders: ['alice'],
    ids: ['old-7'],
    contents: ['x'],
    datas: ['x'],
    sentAts: [0],
  });
  const literals = values.map((value) =>
    Array.isArray(value)
      ? `'{${value.map((item) => JSON.stringify(String(item))).join()}}'`
      : `'${String(value)}'`,
  );
  const explain = async (): Promise<string> => {
    const { rows } = await session.query(`explain execute repeats (${literals.join()})`);
    return rows.map((row: Record<string, string>) => row['QUERY PLAN']).join('\n');
  };
  // With the settings of the store's connections: once with a plan for these values, once with the generic plan.
  for (const [name, value] of Object.entries(PLAN_SETTINGS)) await session.query(`set ${name} = ${value}`);
  await session.query(`prepare repeats as ${statements.append.text}`);
  for (const mode of ['force_custom_plan', 'force_generic_plan']) {
    await session.query(`set plan_cache_mode = ${mode}`);
    const plan = await explain();
    expect(plan).toContain('Index Scan using messages_once on messages');
    expect(plan).not.toContain('Seq Scan on messages');
  }
  await session.end();
});

logStoreFaultsContract('PostgreSQL', async () => {
  const own = await createDatabase();
  const straight = await openStore({ ...options, databaseUrl: own.url });
  const wire = await TcpProxy.to(own.url);
  const store = await openStore({
    ...options,
    statementTimeoutMs: 2_500,
    databaseUrl: wire.through(own.url),
  });
  await own.query(`
    create function slow() returns trigger language plpgsql as $$
    begin
      if new.content like 'slow%' then perform pg_sleep(1); end if;
      return new;
    end $$`);
  await own.query('create trigger slow before insert on vagus.messages for each row execute function slow()');
  const sleeping = (): Promise<unknown> =>
    expect
      .poll(() =>
        own.query(
          `select 1 from pg_stat_activity where wait_event = 'PgSleep' and datname = current_database()`,
        ),
      )
      .toHaveLength(1);
  return {
    store,
    direct: straight,
    finish: (promise) => promise,
    loseAnswer: async (send) => {
      const heads = async (): Promise<number> =>
        Number(
          (await own.query('select coalesce(sum(head), 0)::int as heads from vagus.channels'))[0]?.['heads'],
        );
      const before = await heads();
      wire.hold('toClient');
      const pending = send();
      await expect.poll(heads).toBeGreaterThan(before);
      wire.cut();
      wire.release('toClient');
      return pending;
    },
    breakWhileUnderWay: async (send) => {
      const pending = send('slow');
      await sleeping();
      wire.cut({ keepServer: true });
      return pending;
    },
    breakBeforeArrival: async (send) => {
      wire.hold('toServer');
      const sent = wire.seen('toServer', 'late');
      const pending = send();
      await sent;
      wire.cut({ keepServer: true });
      return {
        reply: await pending,
        arrive: async () => {
          const answered = wire.seen('toClient', 'fenced');
          wire.release('toServer');
          await answered;
        },
      };
    },
    refuse: async (send) => {
      wire.cut();
      wire.refuse(true);
      // The pool may need a moment to notice its broken connections.
      await expect.poll(() => ask(store, 'ping', {})).toMatchObject({ failure: 'failed' });
      const reply = await send();
      wire.refuse(false);
      return reply;
    },
    hang: async (send) => {
      wire.hold('toClient');
      const reply = await send();
      wire.cut();
      wire.release('toClient');
      return reply;
    },
    takeTooLong: (send) => send('slow'),
    lock: async (channel) => {
      const session = new pg.Client({ connectionString: own.url });
      await session.connect();
      await session.query('begin');
      await session.query('select 1 from vagus.channels where channel = $1 for update', [channel]);
      return {
        release: async () => {
          await session.query('rollback');
          await session.end();
        },
      };
    },
    close: async () => {
      await store.close();
      await wire.close();
      await straight.close();
      await own.drop();
    },
  };
});
