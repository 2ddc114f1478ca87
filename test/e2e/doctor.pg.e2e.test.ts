import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { NodeProcess, SECRET } from '../support/node-process.ts';
import { startBouncer } from '../support/pgbouncer.ts';
import { startPostgres, type PostgresServer } from '../support/postgres-server.ts';

// What `vagus doctor` says of real servers, good and bad.

let server: PostgresServer;
let admin: pg.Client;
let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'vagus-doctor-'));
  // One role needs a password.
  const rules = join(folder, 'hba');
  writeFileSync(
    rules,
    'host all locked 127.0.0.1/32 scram-sha-256\nhost all,replication all 127.0.0.1/32 trust\n',
    { mode: 0o644 },
  );
  chmodSync(folder, 0o755);
  server = await startPostgres({ fsync: 'on', hba_file: rules });
  admin = new pg.Client({ connectionString: server.url });
  await admin.connect();
  await admin.query(`create role locked login password 'right'; create role plain login`);
}, 60_000);
afterAll(async () => {
  await admin.end();
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** Lines by what they are about, and the exit code. */
async function doctor(environment: Readonly<Record<string, string>>) {
  const settings = { VAGUS_JWT_SECRET: SECRET, VAGUS_DATABASE_FSYNC_OFF: 'refuse', ...environment };
  const { code, stdout, stderr } = await (await NodeProcess.spawn(['doctor'], settings)).ended;
  expect(stderr).toBe('');
  const lines = stdout.trimEnd().split('\n');
  const found = lines.map((line) => /^(ok|warn|fail) +(\w+) +(.+)$/.exec(line));
  return {
    code,
    stdout,
    said: Object.fromEntries(found.map((match) => [match?.[2], `${match?.[1]} ${match?.[3]}`])),
  };
}

const of = (user: string): string => Object.assign(new URL(server.url), { username: user }).href;
const containing = (text: string): string => expect.stringContaining(text) as string;

test('a good server, before and after the first migration, which the doctor leaves to others', async () => {
  const before = await doctor({ DATABASE_URL: server.url });
  expect(before.said['schema']).toMatch(/^ok the next start, or vagus migrate, applies 0000_log, /);
  expect((await admin.query(`select 1 from pg_namespace where nspname = 'vagus'`)).rows).toEqual([]);
  const may = await doctor({ DATABASE_URL: of('plain') });
  expect(may).toMatchObject({
    code: 1,
    said: { schema: containing('must be applied, and this role may not') },
  });

  await (
    await NodeProcess.spawn(['migrate'], { DATABASE_URL: server.url })
  ).ended;
  const { code, said } = await doctor({ DATABASE_URL: server.url });
  expect(said).toEqual({
    settings: 'ok vagus serve accepts them',
    connection: expect.stringMatching(
      /^ok the database at 127\.0\.0\.1:\d+\/postgres, without TLS, on this machine$/,
    ) as string,
    version: expect.stringMatching(/^ok PostgreSQL \d+\.\d+/) as string,
    writes: 'ok accepted',
    pooler: 'ok none',
    connections: expect.stringMatching(
      /^ok a node takes up to 12, two in an update 24; the server allows 197 and has \d+ now$/,
    ) as string,
    timeouts: 'ok the node sets its own on each connection',
    clock: "ok the database's differs by less than 2 s",
    schema: 'ok up to date',
    acks: containing(
      'ok an acked message survives a crash of the node, a crash of PostgreSQL and a power cut; ',
    ),
  });
  expect(code).toBe(0);
  const ofPlain = async (): Promise<unknown> => (await doctor({ DATABASE_URL: of('plain') })).said['schema'];
  expect(await ofPlain()).toBe('fail permission denied for schema vagus');
  await admin.query(
    'grant usage on schema vagus to plain; grant select on all tables in schema vagus to plain',
  );
  expect(await ofPlain()).toMatch(/^fail the role may not read and write vagus\.bans, .*vagus\.view: grant/);
  expect(await ofPlain()).not.toContain('vagus.meta');
  await admin.query('grant all on all tables in schema vagus to plain');
  expect(await ofPlain()).toBe('ok up to date');
}, 60_000);

test('[D21] [D22] a weak one: it is said, and a node serves', async () => {
  await admin.query(
    `alter role vagus set synchronous_commit = off; alter role vagus set idle_session_timeout = '1min'; alter role vagus connection limit 20`,
  );
  const { code, said } = await doctor({ DATABASE_URL: server.url });
  await admin.query(
    'alter role vagus reset synchronous_commit; alter role vagus reset idle_session_timeout; alter role vagus connection limit -1',
  );
  expect(said['acks']).toMatch(/^warn .*may lose what it acked in the last 600 ms$/);
  expect(said['timeouts']).toMatch(/^warn idle_session_timeout is 60000 ms for this role/);
  expect(said['connections']).toMatch(
    /^warn a node takes up to 12, two in an update 24; the server allows 20 /,
  );
  expect(code).toBe(0);
});

test('[D21] fsync off, refused and allowed', async () => {
  const careless = await startPostgres({ fsync: 'off', max_connections: '10' });
  const refused = await doctor({ DATABASE_URL: careless.url });
  expect(refused).toMatchObject({
    code: 1,
    said: { acks: containing('a node does not start: turn fsync on') },
  });
  expect(refused.said['connections']).toMatch(/^fail a node takes up to 12, .* allows 7 /);
  const allowed = await doctor({ DATABASE_URL: careless.url, VAGUS_DATABASE_FSYNC_OFF: 'allow' });
  expect(allowed.said['acks']).toMatch(/^warn an acked message survives/);
  await careless.stop();
}, 60_000);

test('[D22] a pooler, with the settings that the role should have for it', async () => {
  const bouncer = await startBouncer(server.url, { mode: 'transaction', serverConnections: 3 });
  const { code, said } = await doctor({ DATABASE_URL: bouncer.through(server.url) });
  expect(said['pooler']).toBe('ok there is one; each statement brings its settings along');
  expect(said['timeouts']).toMatch(
    /^warn behind a pooler those of the role count: idle_in_transaction_session_timeout = 0 \(better \d+ms\), .*tcp_keepalives_idle = \d+ \(better 2\)/,
  );
  expect(said['acks']).toMatch(/^ok /);
  expect(code).toBe(0);
  await bouncer.stop();
}, 60_000);

test('a standby accepts no writes', async () => {
  const standby = await server.standby(server.url);
  const { code, said } = await doctor({ DATABASE_URL: standby.url });
  expect(said['writes']).toBe('fail the server is a standby and accepts none: name the primary');
  expect(code).toBe(1);
  await standby.stop();
}, 60_000);

test('a schema that is newer', async () => {
  await admin.query('create database newer');
  const url = Object.assign(new URL(server.url), { pathname: '/newer' }).href;
  await (
    await NodeProcess.spawn(['migrate'], { DATABASE_URL: url })
  ).ended;
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(
    `insert into vagus.schema_changes (made, name, hash, suits_from) values (99999999999999, 'tomorrow', '', 99999999999999)`,
  );
  await client.end();
  const { code, said } = await doctor({ DATABASE_URL: url });
  expect(said['schema']).toMatch(/^fail the database was migrated by a newer version of vagus \(tomorrow\)/);
  expect(code).toBe(1);
});

test('no server, and a wrong password, which is not repeated', async () => {
  const nowhere = await doctor({ DATABASE_URL: 'postgres://u:hunter2@127.0.0.1:1/d' });
  expect(nowhere).toMatchObject({
    code: 1,
    said: {
      connection:
        'fail the database at 127.0.0.1:1/d of DATABASE_URL (databaseUrl) cannot be examined: connect ECONNREFUSED 127.0.0.1:1',
    },
  });
  const wrong = await doctor({
    DATABASE_URL: Object.assign(new URL(server.url), { username: 'locked', password: 'hunter2' }).href,
  });
  expect(wrong.code).toBe(1);
  expect(wrong.said['connection']).toContain('password authentication failed for user "locked"');
  expect(`${nowhere.stdout}${wrong.stdout}`).not.toContain('hunter2');
  const right = Object.assign(new URL(server.url), { username: 'locked', password: 'right' }).href;
  expect((await doctor({ DATABASE_URL: right })).said['connection']).toMatch(/^ok /);
});

test('settings that serve would refuse, and the embedded database, which stays unopened', async () => {
  const none = await doctor({ VAGUS_JWT_SECRET: '' });
  expect(none).toMatchObject({ code: 1, said: { settings: containing('fail VAGUS_JWT_SECRET is not set') } });
  const data = join(folder, 'data');
  const embedded = await doctor({ VAGUS_DATA_DIR: data });
  expect(embedded).toMatchObject({
    code: 0,
    said: {
      connection: `ok the embedded database, to be made in ${data}`,
      acks: containing('warn an acked message survives a crash of the node; not a power cut'),
    },
  });
  expect(existsSync(data)).toBe(false);
});
