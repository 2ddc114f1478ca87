import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { migrate } from '../../src/store/postgres/migrate.ts';
import { PgClient } from '../../src/store/postgres/pg-client.ts';
import { statement } from '../../src/store/postgres/statement.ts';
import { append, claimOrCreate } from '../../src/store/postgres/statements.ts';
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
  const [claimed] = await client.query(claimOrCreate, { owner: 'a', channels }, 5_000);
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
