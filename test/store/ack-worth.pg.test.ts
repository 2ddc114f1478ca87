import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openStore, type StoreOptions } from '../../src/store/open.ts';
import { startPostgres, type PostgresServer } from '../support/postgres-server.ts';

// What the settings of real servers make of an ack: their own, those of a role, and their standbys.

const options: Omit<StoreOptions, 'databaseUrl'> = {
  dataDir: '',
  connections: 4,
  statementTimeoutMs: 4_000,
  onIdleError: () => {},
  onEnd: () => {},
};

let server: PostgresServer;
let careless: PostgresServer;
let admin: pg.Client;
beforeAll(async () => {
  [server, careless] = await Promise.all([startPostgres({ fsync: 'on' }), startPostgres({ fsync: 'off' })]);
  admin = new pg.Client({ connectionString: server.url });
  await admin.connect();
  // Otherwise what the test itself says would wait for a standby that is away.
  await admin.query('set synchronous_commit = local');
  await ackOf({ databaseUrl: server.url });
  await admin.query(
    'create role plain login; grant usage on schema vagus to plain; grant select on all tables in schema vagus to plain',
  );
}, 60_000);
afterAll(async () => {
  await admin.end();
  await Promise.all([server.stop(), careless.stop()]);
});

async function ackOf(more: Partial<StoreOptions> & { readonly databaseUrl: string }) {
  const store = await openStore({ ...options, ...more });
  await store.close();
  return store.ack;
}

const as = (user: string): string => Object.assign(new URL(server.url), { username: user }).href;

/** Changes settings of the server, until they count. */
async function configure(settings: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, value] of Object.entries(settings))
    await admin.query(`alter system set ${name} = '${value}'`);
  await admin.query('select pg_reload_conf()');
  for (const [name, value] of Object.entries(settings)) {
    const shown = async (): Promise<unknown> => (await admin.query(`show ${name}`)).rows[0]?.[name];
    await expect.poll(shown).toBe(value);
  }
}

test('[D21] a server with its defaults keeps acked messages through all but a failover', async () => {
  const ack = await ackOf({ databaseUrl: server.url });
  expect(ack.survives).toEqual({ node_crash: true, database_crash: true, power_cut: true, failover: false });
  expect(ack.level).toBe('info');
});

test('[D21] a role may have a synchronous_commit of its own: what counts is that of the connections that append', async () => {
  await admin.query('alter role plain set synchronous_commit = off');
  const ack = await ackOf({ databaseUrl: as('plain') });
  await admin.query('alter role plain reset synchronous_commit');
  expect(ack).toMatchObject({ level: 'warn', survives: { database_crash: false, power_cut: false } });
  expect(ack.text).toContain('may lose what it acked in the last 600 ms');
  expect(await ackOf({ databaseUrl: as('plain') })).toMatchObject({ level: 'info' });
});

test('[D21] full_page_writes off is said', async () => {
  await configure({ full_page_writes: 'off' });
  expect((await ackOf({ databaseUrl: server.url })).text).toContain('full_page_writes is off');
  await configure({ full_page_writes: 'on' });
});

describe('fsync off', () => {
  test('[D21] is refused, before anything is written', async () => {
    const refused = ackOf({ databaseUrl: careless.url });
    await expect(refused).rejects.toMatchObject({
      name: 'StoreError',
      code: 'fsync_off',
      message: expect.stringMatching(
        /has fsync off, so a power cut may destroy it .* set VAGUS_DATABASE_FSYNC_OFF/,
      ) as string,
    });
    const client = new pg.Client({ connectionString: careless.url });
    await client.connect();
    expect((await client.query(`select 1 from pg_namespace where nspname = 'vagus'`)).rows).toEqual([]);
    await client.end();
  });

  test('[D21] unless it is allowed, and then it is said', async () => {
    const ack = await ackOf({ databaseUrl: careless.url, fsyncOff: 'allow' });
    expect(ack).toMatchObject({ level: 'warn', survives: { database_crash: true, power_cut: false } });
  });
});

test('[D21] with a synchronous standby acked messages survive a failover, and a missing one is said as far as it can be seen', async () => {
  const standby = await server.standby(server.url);
  try {
    const states = async (): Promise<unknown> =>
      (await admin.query('select state from pg_stat_replication')).rows;
    await expect.poll(states, { timeout: 10_000 }).toEqual([{ state: 'streaming' }]);
    await configure({ synchronous_standby_names: '*' });
    const seen = async (): Promise<unknown> =>
      (await admin.query('select sync_state from pg_stat_replication')).rows;
    await expect.poll(seen, { timeout: 10_000 }).toEqual([{ sync_state: 'sync' }]);
    for (const databaseUrl of [server.url, as('plain')])
      expect(await ackOf({ databaseUrl })).toMatchObject({ level: 'info', survives: { failover: true } });

    await configure({ synchronous_standby_names: '2 (a, walreceiver)' });
    const short = 'nothing can be acked now: 1 of 2 synchronous standbys are connected';
    expect(await ackOf({ databaseUrl: server.url })).toMatchObject({
      level: 'warn',
      text: expect.stringContaining(short) as string,
    });
    // A plain role sees that there is a standby, and not whether it counts.
    expect(await ackOf({ databaseUrl: as('plain') })).toMatchObject({ level: 'info' });
  } finally {
    await standby.stop();
  }
  await expect.poll(async () => (await admin.query('select 1 from pg_stat_replication')).rows).toEqual([]);
  const none = expect.stringContaining('0 of 2 synchronous standbys are connected') as string;
  for (const databaseUrl of [server.url, as('plain')])
    expect(await ackOf({ databaseUrl })).toMatchObject({ level: 'warn', text: none });
  await configure({ synchronous_standby_names: '' });
}, 60_000);
