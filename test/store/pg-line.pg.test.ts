import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { sql } from 'drizzle-orm';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { PgClient } from '../../src/store/postgres/pg-client.ts';
import type { PgLine } from '../../src/store/postgres/pg-line.ts';
import { SqlError, type SqlResult } from '../../src/store/postgres/sql-client.ts';
import { given, statement } from '../../src/store/postgres/statement.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';

const number = statement('number', sql`select ${given('n')}::int`);
const slow = statement('slow', sql`select ${given('n')}::int from pg_sleep(${given('seconds')}::float8)`);
const self = statement('self', sql`select pg_backend_pid()`);

let database: TestDatabase;
let client: PgClient;
let line: PgLine;
let idleErrors: Error[];

const options = { connections: 1, statementTimeoutMs: 20_000 };

beforeAll(async () => {
  database = await createDatabase();
}, 60_000);
afterAll(() => database.drop());
beforeEach(() => {
  idleErrors = [];
  client = new PgClient({ ...options, url: database.url, onIdleError: (error) => idleErrors.push(error) });
  line = client.line(2);
});
afterEach(() => client.close());

/** The result of a statement, and how long it took. */
async function send(...[what, values, deadlineMs]: [...Parameters<PgLine['query']>]) {
  const from = performance.now();
  const result = await new Promise<SqlResult>((done) => line.send(what, values, deadlineMs, done));
  const { failure } = result as SqlError;
  return {
    rows: result,
    failure: result instanceof SqlError ? failure : undefined,
    ms: performance.now() - from,
  };
}

test('statements go out in order, over as many connections as the line may have', async () => {
  const asked = Array.from({ length: 50 }, (_, n) => line.query(number, { n }, 5_000));
  expect(await Promise.all(asked)).toEqual(Array.from({ length: 50 }, (_, n) => [[n]]));
  // Each takes long enough for the second connection to open.
  const busy = statement('busy', sql`select pg_backend_pid() from pg_sleep(0.05)`);
  const pids = await Promise.all(Array.from({ length: 20 }, () => line.query(busy, {}, 5_000)));
  expect(new Set(pids.flat(2)).size).toBe(2);
});

test('a late statement has an unknown outcome, and its answer reaches no other statement', async () => {
  await Promise.all([line.query(number, { n: 1 }, 5_000), line.query(number, { n: 2 }, 5_000)]);
  const [one, two, behind] = await Promise.all([
    send(slow, { n: 1, seconds: 15 }, 300),
    send(slow, { n: 2, seconds: 15 }, 300),
    send(number, { n: 3 }, 5_000),
  ]);
  expect([one.failure, two.failure]).toEqual(['unknown', 'unknown']);
  expect(one.ms).toBeGreaterThanOrEqual(299);
  expect(one.ms).toBeLessThan(2_000);
  expect(behind.rows).toEqual([[3]]);
});

test('a statement that still waits at its deadline has failed, also behind longer deadlines', async () => {
  const long = [1, 2].map((n) => send(slow, { n, seconds: 1.5 }, 10_000));
  const waits = await send(number, { n: 3 }, 200);
  expect(waits.failure).toBe('failed');
  expect(waits.ms).toBeLessThan(1_200);
  expect((await Promise.all(long)).map(({ rows }) => rows)).toEqual([[[1]], [[2]]]);
});

test('a line reports a connection that breaks while it is idle, and opens another one', async () => {
  const [[pid] = []] = await line.query(self, {}, 5_000);
  await database.query(`select pg_terminate_backend(${String(pid)})`);
  await expect.poll(() => idleErrors.length).toBeGreaterThan(0);
  expect(await line.query(self, {}, 5_000)).not.toEqual([[pid]]);
});

test('a connection that breaks during a statement leaves its outcome unknown', async () => {
  const [[pid] = []] = await line.query(self, {}, 5_000);
  const under = send(slow, { n: 1, seconds: 15 }, 10_000);
  await expect
    .poll(() =>
      database.query(`select 1 from pg_stat_activity where pid = ${String(pid)} and wait_event = 'PgSleep'`),
    )
    .toHaveLength(1);
  await database.query(`select pg_terminate_backend(${String(pid)})`);
  expect((await under).failure).toBe('unknown');
  expect(await line.query(number, { n: 7 }, 5_000)).toEqual([[7]]);
});

test('if the server is unreachable or does not answer, statements that were not sent fail', async () => {
  const silent = createServer().listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const { port } = silent.address() as AddressInfo;
  const nowhere = new PgClient({
    ...options,
    url: `postgres://x@127.0.0.1:${port}/x`,
    onIdleError: () => {},
  });
  line = nowhere.line(1);
  expect((await send(number, { n: 1 }, 200)).failure).toBe('failed');
  silent.close();
  const gone = new PgClient({ ...options, url: 'postgres://x@127.0.0.1:1/x', onIdleError: () => {} });
  line = gone.line(1);
  const refused = await Promise.all([send(number, { n: 1 }, 5_000), send(number, { n: 2 }, 5_000)]);
  expect(refused.map(({ failure }) => failure)).toEqual(['failed', 'failed']);
  await Promise.all([nowhere.close(), gone.close()]);
});

test('the deadlines of thirty statements under way share one timer', async () => {
  const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
  await line.query(number, { n: 0 }, 5_000);
  const before = timers();
  const under = Array.from({ length: 30 }, (_, n) => line.query(number, { n }, 5_000));
  // Other parts of the process may have timers of their own.
  expect(timers() - before).toBeLessThan(10);
  await Promise.all(under);
});

test('closing a line answers the statements that wait', async () => {
  const closing = client.line(1);
  const waiting = closing.query(number, { n: 1 }, 5_000).catch((error: SqlError) => error.failure);
  await closing.close();
  expect(await waiting).toBe('failed');
  await expect(closing.query(number, { n: 2 }, 5_000)).rejects.toMatchObject({ failure: 'failed' });
});

test('a line closes after its sent statements have ended', async () => {
  await line.query(number, { n: 0 }, 5_000);
  const under = send(slow, { n: 1, seconds: 0.3 }, 5_000);
  await line.close();
  expect((await under).rows).toEqual([[1]]);
});
