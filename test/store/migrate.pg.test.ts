import pg from 'pg';
import { expect, test } from 'vitest';
import { migrate } from '../../src/store/postgres/migrate.ts';
import { PgClient } from '../../src/store/postgres/pg-client.ts';
import { createDatabase } from '../support/database.ts';

test('[D19] a migration that does not end is waited for so long, and then named', async () => {
  const database = await createDatabase();
  const client = new PgClient({
    url: database.url,
    connections: 1,
    statementTimeoutMs: 0,
    onIdleError: () => {},
  });
  const hung = new pg.Client({ connectionString: database.url });
  await hung.connect();
  await hung.query('select pg_advisory_lock($1)', [0x76_61_67_75]);
  await expect(migrate(client, 200)).rejects.toThrow(
    /^another process is migrating the database and has not finished within 0\.2 s: end it/,
  );
  // One that ends in time is waited for.
  const waiting = migrate(client, 20_000);
  await expect
    .poll(() => database.query(`select 1 from pg_locks where locktype = 'advisory' and not granted`))
    .toHaveLength(1);
  await hung.end();
  expect(await waiting).toEqual(['0000_log', '0001_lists']);
  await client.close();
  await database.drop();
});
