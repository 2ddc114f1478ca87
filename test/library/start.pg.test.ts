import { spawnSync } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ConfigError, createEngine, EngineError, ListenError, type EngineOptions } from '../../src/index.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { Library, ownServer, QUIET } from '../support/own-server.ts';
import { ROOT } from '../support/source.ts';

let database: TestDatabase;
let folder: string;

beforeAll(async () => {
  database = await createDatabase();
  folder = await mkdtemp(join(tmpdir(), 'vagus-start-'));
});
afterAll(async () => {
  await database.drop();
  await rm(folder, { recursive: true });
});

/** Connections that an engine has to the database. */
async function connections(): Promise<number> {
  const [row] = await database.query(
    `select count(*)::int as open from pg_stat_activity where application_name = 'vagus' and datname = current_database()`,
  );
  return (row as { readonly open: number }).open;
}

const start = (options: unknown): Promise<unknown> =>
  createEngine(options as EngineOptions).catch((error: unknown) => error);

describe('a start that fails', () => {
  test.each([
    ['undefined', undefined],
    ['null', null],
    ['"x"', 'x'],
    ['[]', []],
  ])('createEngine takes options, and says so of %s', async (text, given) => {
    const error = await start(given);
    expect(error).toBeInstanceOf(ConfigError);
    expect(error).toMatchObject({
      code: 'bad_config',
      message: `createEngine takes an object of options, not ${text}`,
    });
  });

  test('something that is no server is refused before anything is open', async () => {
    const error = await start({ ...QUIET, databaseUrl: database.url, server: new EventEmitter() });
    expect(error).toBeInstanceOf(ConfigError);
    expect(error).toMatchObject({
      code: 'bad_config',
      message:
        'server is an object of the class EventEmitter, but must be a server of node:http or node:https',
    });
    expect(await connections()).toBe(0);
  });

  test('unavailable keys are a setting that cannot be used', async () => {
    const missing = join(folder, 'missing.json');
    const malformed = join(folder, 'malformed.json');
    const secret = join(folder, 'secret.json');
    writeFileSync(malformed, 'keys');
    writeFileSync(secret, JSON.stringify({ keys: [{ kty: 'oct', k: 'aHVudGVyMg' }] }));
    for (const [jwks, why] of [
      [missing, /cannot be read: ENOENT/],
      [folder, /cannot be read: EISDIR/],
      [malformed, /is malformed/],
      [secret, /holds a private key/],
    ] as const) {
      const error = await start({ ...QUIET, databaseUrl: database.url, jwks });
      expect(error).toBeInstanceOf(ConfigError);
      expect(error).toMatchObject({ code: 'bad_config', message: expect.stringMatching(why) });
      expect((error as Error).message).toMatch(/^VAGUS_JWT_JWKS \(jwks\): the JWKS file "/);
    }
    expect(await connections()).toBe(0);
  });

  test('a server has one engine: a second one is refused, and leaves nothing open', async () => {
    const server = await ownServer();
    const first = await Library.start({ server, databaseUrl: database.url });
    const error = await start({ ...QUIET, server, databaseUrl: database.url });
    expect(error).toBeInstanceOf(ListenError);
    expect(error).toMatchObject({ code: 'server_taken', message: expect.stringMatching(/give each engine/) });
    // The first one has connections of its own, now more, now fewer: what is left after it would be the other's.
    await first.stop();
    await expect.poll(connections).toBe(0);
    server.close();
  });

  test('a fault of the application’s server comes through, and leaves nothing open', async () => {
    const server = createServer();
    server.address = () => {
      throw new Error('nowhere');
    };
    const emit: unknown = Reflect.get(server, 'emit');
    const error = await start({ ...QUIET, server, databaseUrl: database.url });
    expect(error).toMatchObject({ message: 'nowhere' });
    await expect.poll(connections).toBe(0);
    expect(Reflect.get(server, 'emit')).toBe(emit);
  });

  test('a process whose start has failed may end', () => {
    const script = `
      import { createServer } from 'node:http';
      import { createEngine } from './dist/index.js';
      const server = createServer();
      const options = { jwtSecret: 'x'.repeat(32), logLevel: 'silent', databaseFsyncOff: 'allow', databaseUrl: process.env.DATABASE_URL };
      server.address = () => { throw new Error('nowhere'); };
      await createEngine({ ...options, server }).catch(({ message }) => console.log(message));
      await createEngine({ ...options, jwks: '/none.json' }).catch(({ code }) => console.log(code));
    `;
    const { status, stdout, stderr } = spawnSync('node', ['--input-type=module', '-e', script], {
      cwd: ROOT,
      encoding: 'utf8',
      timeout: 20_000,
      env: { ...process.env, DATABASE_URL: database.url },
    });
    expect([status, stdout], stderr).toEqual([0, 'nowhere\nbad_config\n']);
  });
});

test('callers’ mistakes have codes, each as a rejected promise', async () => {
  const library = await Library.start({ host: '127.0.0.1', port: 0, databaseUrl: database.url });
  const engine = library.engine as unknown as Record<string, (...given: unknown[]) => Promise<unknown>>;
  const circle: Record<string, unknown> = {};
  circle['self'] = circle;
  const calls: readonly (readonly [string, readonly unknown[], RegExp])[] = [
    ['revoke', [], /^name either a user or a session/],
    ['revoke', [null], /^name either/],
    ['revoke', [{}], /^name either/],
    ['revoke', [{ user: 'a', session: 's' }], /^name either/],
    ['revoke', ['ann'], /^name either/],
    ['revoke', [{ user: 1 }], /^user: /],
    ['publishToUser', ['a', 1n], /^data: must be a JSON value/],
    ['publishToUser', ['a', circle], /^data: must be a JSON value/],
    ['publishToUser', ['a', { toJSON: () => expect.fail() }], /^data: must be a JSON value/],
    ['publishToUser', ['a'], /^data: /],
    ['publishToUser', [], /^user: /],
    ['publishToUser', ['a', 1, null], /^id: /],
    ['broadcast', [() => 1], /^data: /],
    ['setMember', ['r', 'ann'], /^isMember: must be true or false/],
    ['setMember', [], /^room: /],
    ['deleteRoom', [], /^room: /],
  ];
  for (const [method, given, message] of calls) {
    const error = await engine[method]?.(...given).catch((error: unknown) => error);
    expect(error, `${method} ${given.length}`).toBeInstanceOf(EngineError);
    expect(error).toMatchObject({ code: 'bad_request', message: expect.stringMatching(message) });
  }
  await library.stop();
});
