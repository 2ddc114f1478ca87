import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { configTable } from '../../src/cli/commands/config.ts';
import { readConfig, type Config } from '../../src/config/index.ts';
import { nearest } from '../../src/config/nearest.ts';
import { configOf, readSettings, type Sources } from '../../src/config/read.ts';

let folder: string;
beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'vagus-config-'))));
afterAll(() => rmSync(folder, { recursive: true }));

const SECRET = 'a secret that has been made for tests only';

interface Given extends Partial<Sources> {
  /** What is in the file, as JSON or as it is. */
  readonly json?: unknown;
}

/** Reads with nothing around it: no environment, no file, unless given. */
function settings({ json, ...sources }: Given = {}) {
  const file = join(folder, 'vagus.json');
  rmSync(file, { force: true });
  if (json !== undefined) writeFileSync(file, typeof json === 'string' ? json : JSON.stringify(json));
  return readSettings({ mode: 'serve', environment: {}, folder, ...sources });
}

const config = (given: Given = {}): Config => configOf(settings(given), { jwtSecret: () => SECRET });

describe('file < environment < flags', () => {
  const json = { port: 1, 'admin-port': 1, host: 'file' };
  const environment = { VAGUS_PORT: '2', VAGUS_HOST: '' };

  test('a flag counts before a variable, a variable before the file, the file before the default', () => {
    const { found } = settings({ json, environment, flags: { port: '3' } });
    expect(found.port).toMatchObject({ value: 3, source: 'flag', name: '--port' });
    expect(settings({ json, environment }).found.port).toMatchObject({
      value: 2,
      source: 'environment',
      name: 'VAGUS_PORT',
    });
    expect(found.adminPort).toMatchObject({
      value: 1,
      source: 'file vagus.json',
      name: 'admin-port in vagus.json',
    });
    expect(found.adminHost).toMatchObject({ value: '127.0.0.1', source: 'default' });
    // An empty variable is not set.
    expect(found.host.value).toBe('file');
  });

  test('a file is named by the flag, else by the variable, else it is vagus.json if that is there', () => {
    const named = join(folder, 'named.json');
    const other = join(folder, 'other.json');
    writeFileSync(named, '{"port": 4}');
    writeFileSync(other, '{"port": 5}');
    expect(
      settings({ json, flags: { config: named }, environment: { VAGUS_CONFIG: other } }).found.port.value,
    ).toBe(4);
    expect(settings({ json, environment: { VAGUS_CONFIG: other } }).found.port.value).toBe(5);
    expect(settings().found.port.value).toBe(8080);
    const missing = join(folder, 'missing.json');
    expect(() => settings({ flags: { config: missing } })).toThrow(
      `there is no configuration file ${missing}`,
    );
    expect(() => settings({ flags: { config: folder } })).toThrow('cannot be read: EISDIR');
  });

  test('some defaults are of the way to run', () => {
    expect(config()).toMatchObject({ host: '0.0.0.0', roomsAutoCreate: false, logLevel: 'info' });
    expect(config({ mode: 'dev' })).toMatchObject({
      host: '127.0.0.1',
      roomsAutoCreate: true,
      logLevel: 'warn',
    });
  });

  test('what an embedded engine has where nothing is set', () => {
    const defaults = {
      host: '::1',
      roomsAutoCreate: true,
      logLevel: 'silent',
      jwtSecret: () => SECRET,
    } as const;
    expect(readConfig(defaults, { VAGUS_HOST: '10.0.0.1' })).toMatchObject({
      host: '10.0.0.1',
      roomsAutoCreate: true,
      logLevel: 'silent',
      jwtSecret: SECRET,
    });
    const warnings: string[] = [];
    readConfig(defaults, { VAGUS_PROT: '1' }, (line) => warnings.push(line));
    expect(warnings).toEqual(['VAGUS_PROT is not a setting: did you mean VAGUS_PORT?']);
  });
});

describe('a file', () => {
  test('holds strings, numbers, switches, lists, and an object for retention', () => {
    const read = config({
      json: {
        'messages-per-minute': 60,
        port: '1',
        'rooms-auto-create': true,
        'token-in-url': false,
        'allowed-origins': ['https://a.example', 'https://b.example'],
        'trusted-proxies': [],
        'room-idle': 0,
        retention: { room: '30d', user: 0 },
        'jwt-secret': SECRET,
      },
    });
    expect(read).toMatchObject({
      messagesPerMinute: 60,
      port: 1,
      roomsAutoCreate: true,
      tokenInUrl: false,
      allowedOrigins: ['https://a.example', 'https://b.example'],
      trustedProxies: [],
      roomIdleMs: 3_650 * 86_400_000,
      retention: { room: 30 * 86_400_000, user: 0, broadcast: 0 },
      jwtSecret: SECRET,
    });
    expect(config({ json: { retention: {} } }).retention).toEqual({ room: 0, user: 0, broadcast: 0 });
    expect(config({ json: { retention: 0 } }).retention).toEqual({ room: 0, user: 0, broadcast: 0 });
  });

  test.each([
    [{ port: true }, 'port in vagus.json is true, but must be a port'],
    [{ port: null }, 'port in vagus.json is null, but must be a port'],
    [{ port: 8080.5 }, 'port in vagus.json is "8080.5", but must be a port'],
    [{ host: ['a'] }, 'host in vagus.json is ["a"], but must be an address'],
    [{ host: 1 }, 'host in vagus.json is 1, but must be an address'],
    [{ 'room-idle': 300 }, 'room-idle in vagus.json is "300", but must be 0, or a duration'],
    [
      { 'token-in-url': 2 },
      'token-in-url in vagus.json is "2", but must be on or off (true, false, 1 and 0 as well)',
    ],
    [{ 'allowed-origins': [1] }, 'allowed-origins in vagus.json is [1], but must be an origin'],
    [{ 'allowed-origins': ['a'] }, 'allowed-origins in vagus.json has "a", but must be an origin'],
    [{ retention: { rooms: '1d' } }, 'retention in vagus.json has "rooms=1d", but must be 0 (for ever)'],
    [{ retention: { room: ['1d'] } }, 'retention in vagus.json is {"room":["1d"]}, but must be 0 (for ever)'],
    [{ retention: { room: null } }, 'retention in vagus.json is {"room":null}, but must be 0 (for ever)'],
    [{ retention: { room: '1d,user=1d' } }, 'retention in vagus.json is {"room":"1d,user=1d"}, but must'],
    [{ 'allowed-origins': '' }, 'allowed-origins in vagus.json is "", but must be an origin'],
    [{ retention: ['1d'] }, 'retention in vagus.json is ["1d"], but must be 0 (for ever)'],
    [[], 'vagus.json must hold one JSON object'],
    ['"port"', 'vagus.json must hold one JSON object'],
    ['{\n"port": 1,\n}', 'vagus.json is not JSON'],
  ])('%j is refused', (json, message) => {
    expect(() => settings({ json })).toThrow(message);
  });

  test('what it holds is not repeated when it is not JSON', () => {
    expect(() => settings({ json: '{"jwt-secret": hunter2-hunter2}' })).toThrow(
      /^vagus\.json is not JSON: there is an error[^h]*$/,
    );
  });
});

describe('names that are not known', () => {
  test('are warned about, with what was probably meant', () => {
    const { warnings } = settings({
      json: { prot: 1, VAGUS_HOST: 'a', xyzzy: 1 },
      environment: { VAGUS_MESAGES_PER_MINUTE: '1', VAGUS_XYZZY: '', PATH: '/bin', VAGUS_PORT: '1' },
    });
    expect(warnings).toEqual([
      '"prot" in vagus.json is not a setting: did you mean port?',
      '"VAGUS_HOST" in vagus.json is not a setting: did you mean host?',
      '"xyzzy" in vagus.json is not a setting',
      'VAGUS_MESAGES_PER_MINUTE is not a setting: did you mean VAGUS_MESSAGES_PER_MINUTE?',
      'VAGUS_XYZZY is not a setting',
    ]);
  });

  test('nearest: case and dashes do not count, a third of the letters may differ', () => {
    const known = ['port', 'host', 'room-idle'];
    expect(nearest('roomIdle', known)).toBe('room-idle');
    expect(nearest('ROOM_IDEL', known)).toBe('room-idle');
    expect(nearest('prt', known)).toBe('port');
    expect(nearest('pt', known)).toBeUndefined();
  });
});

describe('settings that must fit each other', () => {
  test.each([
    [
      { VAGUS_HEARTBEAT_INTERVAL: '46s' },
      'VAGUS_HEARTBEAT_TIMEOUT must be at least twice VAGUS_HEARTBEAT_INTERVAL',
    ],
    [
      { VAGUS_OUTBOUND_BYTES: '64KiB', VAGUS_FRAME_BYTES: '65KiB' },
      'VAGUS_OUTBOUND_BYTES must not be less than VAGUS_FRAME_BYTES',
    ],
    [
      { VAGUS_RETENTION: 'room=1m', VAGUS_SLOW_CLIENT_TIMEOUT: '61s' },
      'VAGUS_RETENTION must not be less than VAGUS_SLOW_CLIENT_TIMEOUT',
    ],
    [{ VAGUS_JWT_ALGORITHMS: 'HS256,RS256' }, 'VAGUS_JWT_ALGORITHMS has RS256, which needs VAGUS_JWT_JWKS'],
    [
      { VAGUS_JWT_ALGORITHMS: 'EdDSA,HS512', VAGUS_JWT_JWKS: 'keys.json' },
      'VAGUS_JWT_ALGORITHMS has HS512, which needs VAGUS_JWT_SECRET',
    ],
    [{ REDIS_URL: 'redis://h' }, 'REDIS_URL is set, which needs VAGUS_CLUSTER_SECRET'],
    [
      { REDIS_URL: 'redis://h', VAGUS_CLUSTER_SECRET: 's'.repeat(32) },
      'REDIS_URL is set, which needs DATABASE_URL: all nodes have one database',
    ],
    [{ VAGUS_ROLE: 'edge' }, 'VAGUS_ROLE is edge, which needs REDIS_URL and other nodes'],
  ])('%j does not', (environment, message) => {
    expect(() => config({ environment })).toThrow(message);
  });

  test.each([
    { VAGUS_HEARTBEAT_INTERVAL: '45s' },
    { VAGUS_OUTBOUND_BYTES: '64KiB' },
    { VAGUS_OUTBOUND_BYTES: '0', VAGUS_FRAME_BYTES: '0' },
    { VAGUS_RETENTION: 'room=1m', VAGUS_SLOW_CLIENT_TIMEOUT: '60s' },
    { VAGUS_JWT_ALGORITHMS: 'HS256' },
    { VAGUS_JWT_ALGORITHMS: 'HS256,ES256', VAGUS_JWT_JWKS: 'keys.json', VAGUS_JWT_SECRET: SECRET },
  ])('%j does', (environment) => {
    expect(Object.isFrozen(config({ environment }))).toBe(true);
  });

  test('both are named as they were written', () => {
    expect(() =>
      config({ flags: { 'heartbeat-timeout': '1s' }, json: { 'heartbeat-interval': '1s' } }),
    ).toThrow('--heartbeat-timeout must be at least twice heartbeat-interval in vagus.json');
  });

  test('a list that is set and empty is not all there is', () => {
    for (const variable of ['VAGUS_ALLOWED_ORIGINS', 'VAGUS_TRUSTED_PROXIES', 'VAGUS_JWT_ALGORITHMS'])
      expect(() => config({ environment: { [variable]: ' ' } })).toThrow(`${variable} is " ", but must be `);
    expect(() => config({ flags: { 'allowed-origins': '' } })).toThrow(
      '--allowed-origins is "", but must be an origin',
    );
    expect(config({ json: { 'allowed-origins': [] } }).allowedOrigins).toEqual([]);
  });

  test('no secret is made where there are keys', () => {
    expect(config({ environment: { VAGUS_JWT_JWKS: 'keys.json' } }).jwtSecret).toBeUndefined();
  });
});

describe('secrets', () => {
  const shown = (environment: Record<string, string>): string => configTable(settings({ environment }));

  test('are not repeated in a complaint', () => {
    for (const environment of [
      { VAGUS_JWT_SECRET: 'hunter2' },
      { DATABASE_URL: 'postgres//u:hunter2@h/d' },
      { VAGUS_JWT_JWKS: 'ftp://u:hunter2@h' },
      { VAGUS_JWT_JWKS: 'https://u:hunter2@h/k' },
    ]) {
      const [name] = Object.keys(environment);
      expect(() => settings({ environment })).toThrow(new RegExp(`^${name} must be (?!.*hunter2)`));
    }
    expect(() => settings({ json: { 'jwt-secret': 'hunter2' } })).toThrow(
      'jwt-secret in vagus.json must be 32 bytes',
    );
  });

  test.each([
    ['postgres://u:hunter2@h:5432/d', 'postgres://u:***@h:5432/d'],
    ['postgres://hunter2@h/d', 'postgres://***@h/d'],
    ['postgres://h/d?user=u&password=hunter2', 'postgres://h/d?user=***&password=***'],
    ['postgres://h/d?code=hunter2&sig=%20hunter2&hunter2', 'postgres://h/d?code=***&sig=***&***'],
    ['postgresql:///d?host=/run', 'postgresql:///d?host=***'],
    // What the password is made of reads as a port and a path, or as a fragment.
    ['postgres://u:1/hunter2@h/d', 'postgres://***'],
    ['postgres://u:1#hunter2@h/d', 'postgres://***'],
  ])('%s is shown as %s', (url, masked) => {
    const table = shown({ DATABASE_URL: url });
    expect(table).toContain(` ${masked} `);
    expect(table).not.toContain('hunter2');
  });

  test('are masked, or not set', () => {
    expect(shown({ VAGUS_JWT_SECRET: SECRET })).toMatch(/^VAGUS_JWT_SECRET +\*\*\* +environment$/m);
    expect(shown({})).toMatch(/^VAGUS_JWT_SECRET +not set +default$/m);
    expect(shown({ VAGUS_JWT_JWKS: 'https://h/k?apikey=hunter2' })).toContain(' https://h/k?apikey=*** ');
  });

  test('the table has its columns under each other', () => {
    const lines = shown({}).trimEnd().split('\n');
    const [head = ''] = lines;
    const column = head.indexOf('source');
    expect(head).toMatch(/^setting +value +source$/);
    for (const line of lines.slice(1)) expect(line.slice(column)).toBe('default');
  });
});
