import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { signToken } from '../../src/transport/auth/sign.ts';
import { TestClient } from '../support/client.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { NodeProcess, SECRET, type Ended } from '../support/node-process.ts';

let folder: string;
let database: TestDatabase;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'vagus-cli-'));
  database = await createDatabase();
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await database.drop();
});

async function refused(
  command: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  const ended = await (await NodeProcess.spawn(command, environment)).ended;
  expect(ended.code).toBe(1);
  expect(ended.stderr).toMatch(/^vagus: .+\n/);
  // One line that says what to do, and no stack.
  expect(ended.stderr).not.toMatch(/\n\s+at /);
  return ended;
}

describe('vagus dev', () => {
  test('a folder that cannot be one is named, with its setting', async () => {
    const { stderr } = await refused(['dev', '--data-dir', '/dev/null/x']);
    expect(stderr).toContain('/dev/null/x, the folder of VAGUS_DATA_DIR (dataDir), cannot be used');
  });

  test('makes a folder and a secret, and prints an address, tokens that work, and lines to try', async () => {
    const data = join(folder, 'dev');
    const node = await NodeProcess.start(['dev'], { VAGUS_DATA_DIR: data });
    await expect.poll(() => node.stdout).toContain(`vagus is running at ${node.url}`);
    expect(statSync(join(data, 'secret')).mode & 0o777).toBe(0o600);
    const tokens = [...node.stdout.matchAll(/-H "Authorization: Bearer (\S+)"/g)].map(
      (match) => match[1] as string,
    );
    expect(tokens).toHaveLength(2);
    const [alice, bob] = await Promise.all(tokens.map((token) => TestClient.open(node.url, { token })));
    expect((await alice?.welcome())?.['user']).toBe('alice');
    await bob?.request({ type: 'join', room: 'lobby' });
    await alice?.request({ type: 'chat', room: 'lobby', content: 'hello' });
    expect(await bob?.chat('lobby', 'hello')).toMatchObject({ from: 'alice' });

    const second = await refused(['dev'], { VAGUS_DATA_DIR: data });
    expect(second.stderr).toContain(`${data} is in use by process ${node.child.pid}`);
    expect((await node.terminate()).code).toBe(0);

    // The same folder, secret and messages the next time.
    const again = await NodeProcess.start(['dev'], { VAGUS_DATA_DIR: data });
    const client = await TestClient.open(again.url, { token: tokens[0] as string });
    expect(await client.request({ type: 'history', room: 'lobby' })).toMatchObject({
      messages: [{ content: 'hello', seq: 1 }],
    });
    client.terminate();
    expect((await again.terminate()).code).toBe(0);
  }, 60_000);
});

test('[HS2] no token and no content is in the logs, also when they say everything', async () => {
  const node = await NodeProcess.start(['serve'], {
    DATABASE_URL: database.url,
    VAGUS_JWT_SECRET: SECRET,
    VAGUS_ROOMS_AUTO_CREATE: 'on',
    VAGUS_LOG_LEVEL: 'debug',
  });
  const token = await signToken({ user: 'ann', secret: SECRET, ttlMs: 3_600_000 });
  const client = await TestClient.open(node.url, { token });
  await client.welcome();
  await client.request({ type: 'chat', room: 'a', content: 'a most private matter' });
  await client.request({ type: 'refresh', token });
  await client.request({ type: 'refresh', token: `${token}x` });
  await client.request({ type: 'chat', room: 'a b', content: 'a most private matter' });
  expect((await TestClient.refused(node.url, { token: `${token}x` })).status).toBe(401);
  const { stderr, stdout } = await node.terminate();
  expect(stderr).toContain('listening');
  for (const secret of [token, token.split('.')[1] as string, SECRET, 'most private'])
    expect(`${stdout}${stderr}`).not.toContain(secret);
}, 60_000);

describe('what stops a start, in one line', () => {
  const serve = (environment: Readonly<Record<string, string>>): Promise<Ended> =>
    refused(['serve'], { DATABASE_URL: database.url, VAGUS_JWT_SECRET: SECRET, ...environment });

  test('serve without a secret: how to make one', async () => {
    const { stderr } = await refused(['serve'], { DATABASE_URL: database.url });
    expect(stderr).toContain('VAGUS_JWT_SECRET is not set');
    expect(stderr).toContain('randomBytes');
  });

  test('a short secret, which is not repeated', async () => {
    const { stderr } = await serve({ VAGUS_JWT_SECRET: 'hunter2' });
    expect(stderr).toContain('VAGUS_JWT_SECRET must be 32 bytes or more');
    expect(stderr).not.toContain('hunter2');
  });

  test.each([
    ['a port that is none', { VAGUS_PORT: '80a' }, 'VAGUS_PORT is "80a", but must be a port'],
    ['a port out of range', { VAGUS_ADMIN_PORT: '65536' }, 'VAGUS_ADMIN_PORT is "65536"'],
    [
      'a duration that is none',
      { VAGUS_ROOM_IDLE: 'soon' },
      'VAGUS_ROOM_IDLE is "soon", but must be 0, or a duration',
    ],
    [
      'a timeout under twice the interval',
      { VAGUS_HEARTBEAT_INTERVAL: '60s' },
      'VAGUS_HEARTBEAT_TIMEOUT must be at least twice',
    ],
    [
      'a switch that is none',
      { VAGUS_ROOMS_AUTO_CREATE: 'yes' },
      'but must be on or off (true, false, 1 and 0 as well)',
    ],
    ['a node id that is none', { VAGUS_NODE_ID: 'N 1' }, 'VAGUS_NODE_ID is "N 1"'],
    ['a log level that is none', { VAGUS_LOG_LEVEL: 'loud' }, 'but must be one of debug'],
    ['a file that there is not', { VAGUS_CONFIG: 'none.json' }, 'there is no configuration file none.json'],
    [
      'a host that there is not',
      { VAGUS_HOST: 'nothing.invalid' },
      'there is no host nothing.invalid (ENOTFOUND): VAGUS_HOST',
    ],
    [
      'a database on a host that there is not',
      { DATABASE_URL: 'postgres://u:p@nothing.invalid/d' },
      'the database at nothing.invalid/d of DATABASE_URL (databaseUrl) cannot be opened: getaddrinfo ENOTFOUND',
    ],
    ['Redis', { REDIS_URL: 'redis://127.0.0.1' }, 'REDIS_URL is set, which needs VAGUS_CLUSTER_SECRET'],
    [
      'a database URL that is none',
      { DATABASE_URL: 'mysql://x' },
      'DATABASE_URL must be a URL such as postgres://',
    ],
  ])('%s', async (_, environment, message) => {
    expect((await serve(environment)).stderr).toContain(message);
  });

  test('a database without a server', async () => {
    const { stderr } = await serve({ DATABASE_URL: 'postgres://x:secret-password@127.0.0.1:1/x' });
    expect(stderr).toContain(
      'the database at 127.0.0.1:1/x of DATABASE_URL (databaseUrl) cannot be opened: connect ECONNREFUSED',
    );
    expect(stderr).not.toContain('secret-password');
  });

  test('a database that there is not', async () => {
    const url = Object.assign(new URL(database.url), { pathname: '/nothing_of_the_kind' }).href;
    expect((await serve({ DATABASE_URL: url })).stderr).toContain(
      'database "nothing_of_the_kind" does not exist',
    );
  });

  test('a port that is taken', async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const { port } = taken.address() as AddressInfo;
    expect((await serve({ VAGUS_HOST: '127.0.0.1', VAGUS_PORT: String(port) })).stderr).toContain(
      `port ${port} is taken: set VAGUS_PORT (port) to another one`,
    );
    taken.close();
  });

  test('a schema that is newer', async () => {
    const newer = await createDatabase();
    const node = await NodeProcess.start(['serve'], { DATABASE_URL: newer.url, VAGUS_JWT_SECRET: SECRET });
    await node.terminate();
    await newer.query(
      `insert into vagus.schema_changes (made, name, hash, suits_from) values (99999999999999, 'tomorrow', '', 99999999999999)`,
    );
    expect((await serve({ DATABASE_URL: newer.url })).stderr).toContain('newer version of vagus');
    await newer.drop();
  });

  test('a command that there is not', async () => {
    expect((await refused(['dance'])).stderr).toContain('there is no command "dance"');
  });
});

test('--version and --help', async () => {
  const version = await (await NodeProcess.spawn(['--version'])).ended;
  expect([version.code, version.stdout]).toEqual([
    0,
    `${(JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }).version}\n`,
  ]);
  const help = await (await NodeProcess.spawn(['--help'])).ended;
  expect(help.code).toBe(0);
  expect(help.stdout).toContain('vagus serve');
});

describe('SIGTERM', () => {
  test('[CL2] clients are closed with 4003, each with its own time, after their answers; then exit code 0', async () => {
    const node = await NodeProcess.start(['serve'], {
      DATABASE_URL: database.url,
      VAGUS_JWT_SECRET: SECRET,
      VAGUS_ROOMS_AUTO_CREATE: 'on',
    });
    const atStart = node.stderr;
    const clients = await Promise.all(Array.from({ length: 20 }, (_, n) => node.connect(`u${n}`)));
    const replies = clients.flatMap((client) =>
      Array.from({ length: 10 }, (_, n) =>
        client.request({ type: 'chat', room: 'last', id: `m${n}`, content: 'x' }),
      ),
    );
    // What has been taken when the signal comes is answered.
    const [first] = clients as [TestClient, ...TestClient[]];
    await first.until(() => first.frames.some((frame) => frame['type'] === 'ack'));
    const started = performance.now();
    const ended = node.terminate();
    const closes = await Promise.all(clients.map((client) => client.closed));
    expect(new Set(closes.map(({ code }) => code))).toEqual(new Set([4003]));
    const slots = closes.map(({ reason }) => (JSON.parse(reason) as { retryAfterMs: number }).retryAfterMs);
    expect(new Set(slots).size).toBe(20);
    for (const client of clients) expect(client.notifications('draining')).toHaveLength(1);
    expect(await ended).toMatchObject({ code: 0, stderr: atStart });
    expect(performance.now() - started).toBeLessThan(25_000);
    const settled = await Promise.allSettled(replies);
    const acked = settled.filter(
      (result) => result.status === 'fulfilled' && result.value['type'] === 'ack',
    ).length;
    const [row] = await database.query(
      `select count(*)::int as stored from vagus.messages where channel = 'room:last'`,
    );
    expect(acked).toBeGreaterThan(0);
    expect(row).toEqual({ stored: acked });
  }, 60_000);

  test('nothing is left lying about', () => {
    expect(existsSync('.vagus')).toBe(false);
  });
});
