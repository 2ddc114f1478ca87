import pg from 'pg';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { migrate } from '../../src/store/postgres/migrate.ts';
import { readMigrations, type Migration } from '../../src/store/postgres/migrations.ts';
import { PgClient } from '../../src/store/postgres/pg-client.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';

const LOCK = 0x76_61_67_75;
const known = readMigrations();
const newest = known.at(-1)?.made as number;

/** A migration of later code. */
const tomorrow = (name: string, sql: string): Migration => ({
  made: newest + 1_000 + Number(name.slice(0, 4)),
  name,
  hash: `of ${name}`,
  sql,
});

let database: TestDatabase;
let client: PgClient;
let other: pg.Client;

beforeEach(async () => {
  database = await createDatabase();
  client = new PgClient({ url: database.url, connections: 1, statementTimeoutMs: 0, onIdleError: () => {} });
  other = new pg.Client({ connectionString: database.url });
  await other.connect();
});
afterEach(async () => {
  await other.end().catch(() => {});
  await client.close();
  await database.drop();
});

test('[D19] a node waits for a migration that does not end, then gives up and names it', async () => {
  await other.query('select pg_advisory_lock($1)', [LOCK]);
  await expect(migrate(client, { waitMs: 200 })).rejects.toThrow(
    /^another process is migrating the database and has not finished within 0\.2 s: end it/,
  );
  // It waits for a migration that ends in time.
  const waiting = migrate(client, { waitMs: 20_000 });
  await expect
    .poll(() => database.query(`select 1 from pg_locks where locktype = 'advisory' and not granted`))
    .toHaveLength(1);
  await other.end();
  expect(await waiting).toEqual(known.map(({ name }) => name));
});

test('[D19] of many nodes that start together one migrates, and a node without anything to migrate does not wait', async () => {
  const clients = Array.from(
    { length: 5 },
    () => new PgClient({ url: database.url, connections: 1, statementTimeoutMs: 0, onIdleError: () => {} }),
  );
  const applied = await Promise.all(clients.map((one) => migrate(one)));
  expect(applied.flat()).toEqual(known.map(({ name }) => name));
  await Promise.all(clients.map((one) => one.close()));

  await other.query('select pg_advisory_lock($1)', [LOCK]);
  expect(await migrate(client, { waitMs: 200 })).toEqual([]);
});

test('[D19] timeouts that the role or the database sets do not end a migration', async () => {
  await database.query(`do $$ begin
    execute format('alter database %I set statement_timeout = 50', current_database());
    execute format('alter database %I set idle_in_transaction_session_timeout = 50', current_database());
  end $$`);
  const slow = tomorrow('0100_slow', 'select pg_sleep(0.3)');
  expect(await migrate(client, { known: [...known, slow] })).toContain('0100_slow');
});

test('[D19] a migration that fails undoes those before it too, and can be tried again', async () => {
  const good = tomorrow('0100_good', 'create table vagus.good ()');
  const bad = tomorrow('0101_bad', 'create table vagus.good ()');
  await expect(migrate(client, { known: [...known, good, bad] })).rejects.toThrow('already exists');
  expect(await database.query(`select to_regclass('vagus.good') as good`)).toEqual([{ good: null }]);
  expect(await migrate(client, { known: [...known, good] })).toEqual([
    ...known.map(({ name }) => name),
    '0100_good',
  ]);
});

describe('a locked table', () => {
  const change = tomorrow('0100_change', 'alter table vagus.messages add column more text');
  const hold = async (): Promise<void> => {
    await migrate(client);
    await other.query('begin; lock table vagus.messages in access share mode');
  };

  test('[D19] a migration waits for it a moment at a time, so that running nodes continue in between', async () => {
    await hold();
    const waiting = migrate(client, { known: [...known, change], waitMs: 20_000 });
    const queued = (): Promise<unknown[]> =>
      database.query(
        `select 1 from pg_locks where not granted and relation = 'vagus.messages'::regclass and mode = 'AccessExclusiveLock'`,
      );
    await expect.poll(queued).toHaveLength(1);
    // The old node's append queues up behind it, and gets its turn before the lock is released.
    const asked = performance.now();
    await database.query('delete from vagus.messages');
    expect(performance.now() - asked).toBeLessThan(2_000);
    await other.query('rollback');
    expect(await waiting).toEqual(['0100_change']);
  });

  test('[D19] the migration names it when it stays locked for too long', async () => {
    await hold();
    await expect(migrate(client, { known: [...known, change], waitMs: 500 })).rejects.toThrow(
      'the migration 0100_change needs a table that another transaction has locked',
    );
  });
});

describe('a schema of newer code', () => {
  const next = tomorrow('0100_next', 'create table vagus.next ()');

  test('[D19] code that the schema suits uses it, although it does not know all migrations', async () => {
    await migrate(client, { known: [...known, next] });
    expect(await migrate(client)).toEqual([]);
    // A version between the two still gets its own migration.
    const between = { ...tomorrow('0050_between', 'create table vagus.between ()') };
    expect(await migrate(client, { known: [...known, between] })).toEqual(['0050_between']);
  });

  test('[D19] code that is too old for it refuses it, and names the migration', async () => {
    await migrate(client, { known: [...known, next] });
    await database.query('update vagus.schema_changes set suits_from = made where name = $1', ['0100_next']);
    await expect(migrate(client)).rejects.toMatchObject({
      code: 'schema_too_new',
      message: expect.stringContaining('newer version of vagus (0100_next)') as string,
    });
    expect(await migrate(client, { known: [...known, next] })).toEqual([]);
  });
});
