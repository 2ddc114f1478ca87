import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TestClient } from '../support/client.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { NodeProcess, SECRET, type Ended } from '../support/node-process.ts';
import { readMigrations } from '../../src/store/postgres/migrations.ts';
import { signToken } from '../../src/transport/auth/sign.ts';

let folder: string;
let database: TestDatabase;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'vagus-commands-'));
  database = await createDatabase();
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await database.drop();
});

type Variables = Readonly<Record<string, string>>;

async function run(command: readonly string[], environment: Variables = {}): Promise<Ended> {
  return (await NodeProcess.spawn(command, environment)).ended;
}

/** What it says when it will not: one line, and perhaps where to look; never a stack. */
async function refused(command: readonly string[], environment: Variables = {}): Promise<string> {
  const { code, stdout, stderr } = await run(command, environment);
  expect([code, stdout]).toEqual([1, '']);
  expect(stderr).toMatch(/^vagus: .+\n(See: vagus .*--help\n)?$/);
  return stderr;
}

const claims = (token: string): unknown =>
  JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());

describe('vagus token', () => {
  const secret = { VAGUS_JWT_SECRET: SECRET };

  test('prints a token, and nothing else', async () => {
    const options = ['--user', 'alice', '--sid', 's 1', '--scope', 'vagus:admin x', '--ttl', '90s'];
    const environment = { ...secret, VAGUS_JWT_ISSUER: 'i', VAGUS_JWT_AUDIENCE: 'a' };
    const { code, stdout, stderr } = await run(['token', ...options], environment);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+\n$/);
    const { iat, exp, ...rest } = claims(stdout) as { iat: number; exp: number };
    expect(rest).toEqual({ sub: 'alice', sid: 's 1', scope: 'vagus:admin x', iss: 'i', aud: 'a' });
    expect(exp - iat).toBe(90);
  });

  test('is good for an hour, or less when that is the most', async () => {
    const life = async (environment: Variables): Promise<number> => {
      const { stdout } = await run(['token', '--user', 'a'], { ...secret, ...environment });
      const { iat, exp } = claims(stdout) as { iat: number; exp: number };
      return exp - iat;
    };
    expect(await life({})).toBe(3_600);
    expect(await life({ VAGUS_TOKEN_TTL_MAX: '10m' })).toBe(600);
    expect(await life({ VAGUS_TOKEN_TTL_MAX: '0' })).toBe(3_600);
  });

  test('beside vagus dev it signs with the secret of the folder', async () => {
    const environment = { VAGUS_DATA_DIR: join(folder, 'dev'), VAGUS_JWT_ALGORITHMS: 'HS512' };
    const none = await refused(['token', '--user', 'carol'], environment);
    expect(none).toContain('there is no secret to sign with: set VAGUS_JWT_SECRET, or start vagus dev');
    const node = await NodeProcess.start(['dev'], environment);
    const { stdout } = await run(['token', '--user', 'carol'], environment);
    const client = await TestClient.open(node.url, { token: stdout.trim() });
    expect((await client.welcome())['user']).toBe('carol');
    client.terminate();
    await node.terminate();
  }, 60_000);

  test.each([
    [['token'], {}, '--user is missing'],
    [['token', '--user', 'a b'], {}, '--user is "a b", but must be 1 to 255 printable characters'],
    [['token', '--user', 'a', '--sid', 'x'.repeat(257)], {}, '--sid is "xxx'],
    [['token', '--user', 'a', '--scope', 'a  b'], {}, '--scope is "a  b", but must be words'],
    [['token', '--user', 'a', '--ttl', 'soon'], {}, '--ttl is "soon", but must be a duration'],
    [['token', '--user', 'a', '--ttl', '31d'], {}, 'from 1s to 30d (VAGUS_TOKEN_TTL_MAX)'],
    [['token', 'alice'], {}, 'token does not take "alice"'],
    [['token', '--user', 'a'], { VAGUS_JWT_SECRET: 'short' }, 'VAGUS_JWT_SECRET must be 32 bytes or more'],
    [
      ['token', '--user', 'a'],
      { VAGUS_JWT_ALGORITHMS: 'RS256' },
      'the holder of the private key signs the tokens',
    ],
    [
      ['token', '--user', 'a'],
      { VAGUS_JWT_SECRET: '', VAGUS_JWT_JWKS: 'https://h/k' },
      'there is VAGUS_JWT_JWKS and no secret: the holder of the private key signs the tokens',
    ],
  ])('%j %j is refused', async (command, environment, message) => {
    expect(await refused(command, { ...secret, ...environment })).toContain(message);
  });
});

describe('vagus migrate', () => {
  const applied = readMigrations()
    .map(({ name }) => `applied ${name}\n`)
    .join('');

  test('brings a database to the schema, says what it did, and is then done', async () => {
    const environment = { DATABASE_URL: database.url };
    expect(await run(['migrate'], environment)).toMatchObject({
      code: 0,
      stdout: applied,
      stderr: '',
    });
    expect(await run(['migrate'], environment)).toMatchObject({
      code: 0,
      stdout: 'the schema is up to date\n',
    });
    expect(await database.query('select count(*)::int as count from vagus.messages')).toEqual([{ count: 0 }]);
  });

  test('the embedded one too, unless it is in use', async () => {
    const data = join(folder, 'embedded');
    const migrate = ['migrate', '--data-dir', data];
    expect(await run(migrate)).toMatchObject({
      code: 0,
      stdout: applied,
      stderr: '',
    });
    expect(await run(migrate)).toMatchObject({ code: 0, stdout: 'the schema is up to date\n' });

    const environment = { VAGUS_JWT_SECRET: SECRET, VAGUS_DATA_DIR: data };
    const node = await NodeProcess.start(['serve'], environment);
    const inUse = `${data} is in use by process ${node.child.pid}`;
    expect(await refused(migrate)).toContain(inUse);
    expect(await refused(['serve'], environment)).toContain(inUse);
    expect((await node.terminate()).code).toBe(0);
  }, 60_000);

  test.each([
    [{ DATABASE_URL: 'postgres://u:hunter2@127.0.0.1:1/d' }, 'ECONNREFUSED'],
    [{ DATABASE_URL: 'mysql://u:hunter2@h/d' }, 'DATABASE_URL must be a URL such as postgres://'],
  ])('%j is refused', async (environment, message) => {
    const said = await refused(['migrate'], environment);
    expect(said).toContain(message);
    expect(said).not.toContain('hunter2');
  });

  test('a newer schema is refused', async () => {
    const newer = await createDatabase();
    await run(['migrate'], { DATABASE_URL: newer.url });
    await newer.query(
      `insert into vagus.schema_changes (made, name, hash, suits_from) values (99999999999999, 'tomorrow', '', 99999999999999)`,
    );
    expect(await refused(['migrate'], { DATABASE_URL: newer.url })).toContain('a newer version of vagus');
    await newer.drop();
  });
});

test('vagus config shows every setting with its source, and no secret', async () => {
  const file = join(folder, 'settings.json');
  writeFileSync(file, JSON.stringify({ 'messages-per-minute': 120, prot: 1 }));
  const { code, stdout, stderr } = await run(['config', 'dev', '--room-idle', '0'], {
    VAGUS_CONFIG: file,
    VAGUS_MESSAGES_PER_MINUTE: '',
    VAGUS_JWT_SECRET: SECRET,
    DATABASE_URL: 'postgres://u:hunter2@h/d',
    VAGUS_HOTS: 'x',
  });
  expect(code).toBe(0);
  expect(stdout).toMatch(/^VAGUS_HOST +127\.0\.0\.1 +default$/m);
  expect(stdout).toMatch(/^VAGUS_ROOM_IDLE +0 +flag$/m);
  expect(stdout).toMatch(/^VAGUS_JWT_SECRET +\*\*\* +environment$/m);
  expect(stdout).toMatch(/^DATABASE_URL +postgres:\/\/u:\*\*\*@h\/d +environment$/m);
  expect(stdout).toMatch(/^VAGUS_MESSAGES_PER_MINUTE +120 +file .*settings\.json$/m);
  expect(`${stdout}${stderr}`).not.toContain('hunter2');
  expect(stderr).toBe(
    `vagus: warning: "prot" in ${file} is not a setting: did you mean port?\n` +
      'vagus: warning: VAGUS_HOTS is not a setting: did you mean VAGUS_HOST?\n',
  );
  expect(await run(['config'])).toMatchObject({ code: 0, stderr: '' });
  // What does not fit is told below what it is.
  const unfit = await run(['config', '--heartbeat-timeout', '1s']);
  expect(unfit.code).toBe(1);
  expect(unfit.stderr).toContain('--heartbeat-timeout must be at least twice VAGUS_HEARTBEAT_INTERVAL');
});

test.each(['dev', 'serve', 'token', 'migrate', 'doctor', 'config', 'simulate'])(
  'vagus %s --help',
  async (name) => {
    const { code, stdout, stderr } = await run([name, '--help']);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(new RegExp(`^vagus ${name}`));
    expect(await refused([name, '--xyzzy'])).toContain(`there is no flag --xyzzy\nSee: vagus ${name} --help`);
  },
);

test('vagus help and vagus -v are what people try first', async () => {
  expect((await run(['help'])).stdout).toBe((await run(['--help'])).stdout);
  expect((await run(['help', 'token'])).stdout).toBe((await run(['token', '--help'])).stdout);
  expect((await run(['help', 'simulate'])).stdout).toMatch(/^vagus simulate/);
  expect((await run(['-v'])).stdout).toBe((await run(['--version'])).stdout);
  expect(await refused(['help', 'serv'])).toContain('there is no command "serv": did you mean vagus serve?');
  expect(await refused(['help', 'token', 'x'])).toContain('help takes one command');
});

/** A client that never answers: the end waits for it. */
async function silentClient(node: NodeProcess): Promise<Socket> {
  const token = await signToken({ user: 'mute', secret: SECRET, ttlMs: 60_000 });
  const socket = connect(node.port, '127.0.0.1');
  socket.on('error', () => {});
  socket.write(
    `GET /ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n` +
      `Sec-WebSocket-Key: ${Buffer.alloc(16).toString('base64')}\r\nAuthorization: Bearer ${token}\r\n\r\n`,
  );
  await new Promise((resolve) => socket.once('data', resolve));
  return socket;
}

test.each(['SIGTERM', 'SIGINT'] as const)('a second %s ends it at once, with code 1', async (signal) => {
  const node = await NodeProcess.start(['serve'], {
    DATABASE_URL: database.url,
    VAGUS_JWT_SECRET: SECRET,
    VAGUS_LOG_LEVEL: 'info',
  });
  const socket = await silentClient(node);
  node.child.kill(signal);
  await expect.poll(() => node.stderr).toContain('draining');
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(node.child.exitCode).toBeNull();
  const asked = performance.now();
  node.child.kill(signal);
  expect((await node.ended).code).toBe(1);
  expect(performance.now() - asked).toBeLessThan(3_000);
  socket.destroy();
});
