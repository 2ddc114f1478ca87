import { describe, expect, test } from 'vitest';
import { SETTINGS } from '../../src/config/settings.ts';
import { Unfit } from '../../src/config/parser.ts';
import type { Config } from '../../src/config/config.ts';
import { WIRE_LIMITS } from '../../src/protocol/limits.ts';

type Field = keyof Config;

const parse = (field: Field, text: string): unknown => SETTINGS[field].parser.parse(text);

const DAY_MS = 86_400_000;

/** What is allowed, with its value, at the bounds too; and what is not. */
const CASES: { readonly [F in Field]: { good: Record<string, unknown>; bad: string[] } } = {
  host: {
    good: { '127.0.0.1': '127.0.0.1', '::': '::', 'node-1.example': 'node-1.example' },
    bad: ['a b', 'http://a', '-a', '::g'],
  },
  port: { good: { '0': 0, '8080': 8080, '65535': 65_535 }, bad: ['65536', '-1', '80a', '8.5', '1e3', ''] },
  adminHost: { good: { '0.0.0.0': '0.0.0.0' }, bad: ['a/b'] },
  adminPort: { good: { '65535': 65_535 }, bad: ['65536'] },
  allowedOrigins: {
    good: {
      'https://a.example': ['https://a.example'],
      'https://a.example, http://localhost:3000': ['https://a.example', 'http://localhost:3000'],
      'HTTPS://A.example:443,https://a.example': ['https://a.example'],
      'null,capacitor://localhost': ['null', 'capacitor://localhost'],
      'http://[::1]:80': ['http://[::1]'],
    },
    bad: [
      'https://a.example/',
      'https://a.example/x',
      'a.example',
      '*',
      'https://*.example',
      'https://u@a.example',
      'https://a.example?x',
      'https://a.example,',
      'https://',
      'https://a:99999',
      'ws://a.example',
      'wss://a.example',
      'ftp://a.example',
      '',
      ' ',
    ],
  },
  trustedProxies: {
    good: {
      'loopback,linklocal,uniquelocal': ['loopback', 'linklocal', 'uniquelocal'],
      '10.0.0.0/8, ::1': ['10.0.0.0/8', '::1'],
      '10.0.0.1/32,fd00::/128,fd00::/1': ['10.0.0.1/32', 'fd00::/128', 'fd00::/1'],
    },
    bad: [
      '10.0.0.0/33',
      '10.0.0.0/0',
      '::/129',
      '10.0.0',
      'proxy',
      '10.0.0.0/',
      'fe80::1%eth0',
      '10.0.0.0/08',
    ],
  },
  databaseUrl: {
    good: { 'postgres://h/d': 'postgres://h/d', 'postgresql:///d?host=/run': 'postgresql:///d?host=/run' },
    bad: ['mysql://h/d', 'h:5432', 'postgres://h:port/d', 'postgres:/h'],
  },
  databaseFsyncOff: { good: { refuse: 'refuse', allow: 'allow' }, bad: ['', 'on', 'off'] },
  databasePooler: { good: { auto: 'auto', on: 'on', off: 'off' }, bad: ['', 'yes', 'transaction'] },
  redisUrl: {
    good: {
      'redis://h': 'redis://h',
      'rediss://user:p%40ss@h:6380/3': 'rediss://user:p%40ss@h:6380/3',
      'redis://[::1]:6379': 'redis://[::1]:6379',
      'redis-sentinel://a,b:26380/mymaster/1': 'redis-sentinel://a,b:26380/mymaster/1',
      'rediss-cluster://:secret@a:1,b:2,c': 'rediss-cluster://:secret@a:1,b:2,c',
    },
    bad: [
      'h:6379',
      'http://h',
      'redis://a,b',
      'redis://h/x',
      'redis://h:0',
      'redis://h?db=1',
      'redis-sentinel://a',
      'redis-cluster://a/1',
      'redis-cluster://a,',
    ],
  },
  clusterSecret: { good: { ['s'.repeat(32)]: 's'.repeat(32) }, bad: ['short', `${'s'.repeat(32)}\n`] },
  role: { good: { node: 'node', edge: 'edge' }, bad: ['', 'home'] },
  redisPrefix: {
    good: { 'vagus:': 'vagus:', 'app/1|': 'app/1|' },
    bad: ['', 'a b', '{vagus}:', 'x'.repeat(65)],
  },
  redisIngress: { good: { on: true, off: false }, bad: ['', 'yes'] },
  redisEgress: { good: { on: true, off: false }, bad: ['', 'yes'] },
  redisChannelPrefix: { good: { 'chat:': 'chat:' }, bad: ['', 'a b', '{chat}:', 'x'.repeat(65)] },
  dataDir: { good: { '/var/lib/vagus': '/var/lib/vagus' }, bad: ['', 'a\nb', 'a\0'] },
  retention: {
    good: {
      '0': { broadcast: 0, user: 0, room: 0 },
      '30d': { broadcast: 30 * DAY_MS, user: 30 * DAY_MS, room: 30 * DAY_MS },
      '1m': { broadcast: 60_000, user: 60_000, room: 60_000 },
      'room=30d, user=7d,broadcast=1d': { broadcast: DAY_MS, user: 7 * DAY_MS, room: 30 * DAY_MS },
      'room=36500d': { broadcast: 0, user: 0, room: 36_500 * DAY_MS },
      'room=0': { broadcast: 0, user: 0, room: 0 },
    },
    bad: ['59s', 'room=59s', 'rooms=1d', 'room=1d,room=2d', 'room', 'room=', '36501d', '', '1d,room=2d'],
  },
  jwtSecret: {
    good: { [`${'x'.repeat(30)}é`]: `${'x'.repeat(30)}é` },
    bad: ['x'.repeat(31), '', `${'x'.repeat(32)}\n`, `\t${'x'.repeat(32)}`],
  },
  jwks: {
    good: { 'https://a/jwks.json': 'https://a/jwks.json', 'keys/jwks.json': 'keys/jwks.json' },
    bad: ['ftp://a/x', 'https://', '', 'https://u:p@a/x', 'https://token@a/x', 'https://:p@a/x'],
  },
  jwtAlgorithms: {
    good: { 'HS256,EdDSA, HS256': ['HS256', 'EdDSA'], 'PS512,ES384,RS256': ['PS512', 'ES384', 'RS256'] },
    bad: ['none', 'HS255', 'hs256', 'HS256,'],
  },
  jwtIssuer: { good: { 'https://a b': 'https://a b' }, bad: ['', 'a\tb'] },
  jwtAudience: { good: { vagus: 'vagus' }, bad: [''] },
  tokenTtlMaxMs: {
    good: { '1m': 60_000, '3650d': 3_650 * DAY_MS, '0': 36_500 * DAY_MS, '0s': 36_500 * DAY_MS },
    bad: ['59s', '3651d', '30', '1.5h', '-1h'],
  },
  tokenInUrl: {
    good: { on: true, off: false, true: true, false: false, '1': true, '0': false },
    bad: ['yes', 'ON', '2', 'truefalse', ''],
  },
  messagesPerMinute: {
    good: { '0': 0, '1': 1, '1000000': 1_000_000 },
    bad: ['1000001', '-1', 'x', '1.5', ' 1'],
  },
  controlFramesPerSecond: { good: { '0': 0, '100000': 100_000 }, bad: ['100001'] },
  fragmentsPerMessage: { good: { '0': 0, '1': 1, '65536': 65_536 }, bad: ['65537'] },
  messageMs: { good: { '0': 0, '1s': 1_000, '1d': DAY_MS }, bad: ['999ms', '25h'] },
  inboundBytesPerSecond: {
    good: { '0': 0, '64KiB': 65_536, '1MiB': 1_048_576 },
    bad: ['63KiB', '1025MiB'],
  },
  readBytesPerSecond: {
    good: { '0': 0, '64KiB': 65_536, '2MiB': 2_097_152 },
    bad: ['63KiB', '1025MiB'],
  },
  signalsPerSecond: { good: { '0': 0, '100000': 100_000 }, bad: ['100001'] },
  requestsPerMinute: { good: { '0': 0, '1000000': 1_000_000 }, bad: ['1000001'] },
  rateAbusePerMinute: { good: { '0': 0, '1000000': 1_000_000 }, bad: ['1000001'] },
  connectionsPerSecond: { good: { '0': 0, '100000': 100_000 }, bad: ['100001'] },
  connectionsPerUser: { good: { '0': 0, '100000': 100_000 }, bad: ['100001'] },
  connectionsMax: { good: { '0': 0, '10000000': 10_000_000 }, bad: ['10000001'] },
  roomsPerConnection: { good: { '0': 0, '100000': 100_000 }, bad: ['100001', ''] },
  frameBytes: {
    good: { '64KiB': 65_536, '1024': 1_024, '1024B': 1_024, '192KiB': 196_608, '0': 196_608 },
    bad: ['1023', '193KiB', '64KB', '64 KiB', '1e3', ''],
  },
  outboundBytes: { good: { '0': 0, '64KiB': 65_536, '1024MiB': 2 ** 30 }, bad: ['63KiB', '1025MiB', '1GiB'] },
  stallMs: { good: { '1s': 1_000, '1d': DAY_MS }, bad: ['0', '999ms', '2d'] },
  mailboxMessages: { good: { '0': 65_536, '16': 16, '65536': 65_536 }, bad: ['15', '65537'] },
  roomsPerHour: { good: { '0': 0, '100': 100 }, bad: ['-1', 'x'] },
  membersPerCreate: { good: { '0': 0, '1000': 1_000 }, bad: ['1001', 'x'] },
  roomsCreate: { good: { users: 'users', admins: 'admins', off: 'off' }, bad: ['on', 'nobody'] },
  roomsAutoCreate: { good: { on: true, off: false }, bad: ['no', 'constructor'] },
  roomIdleMs: {
    good: { '1s': 1_000, '365d': 365 * DAY_MS, '0': 3_650 * DAY_MS },
    bad: ['999ms', '366d', 'never'],
  },
  graceMs: { good: { '0': 0, '0ms': 0, '1ms': 1, '1d': DAY_MS, '24h': DAY_MS }, bad: ['2d', '15'] },
  heartbeatIntervalMs: { good: { '300ms': 300, '1d': DAY_MS }, bad: ['0', '299ms', '25h'] },
  heartbeatTimeoutMs: { good: { '600ms': 600, '1440m': DAY_MS }, bad: ['0', '599ms'] },
  node: {
    good: { n1: 'n1', ['a'.repeat(32)]: 'a'.repeat(32) },
    bad: ['N1', '-a', 'a'.repeat(33), 'a_b', ''],
  },
  logLevel: { good: { debug: 'debug', silent: 'silent' }, bad: ['loud', 'INFO'] },
};

describe.each(Object.entries(CASES))('%s', (field, { good, bad }) => {
  test.each(Object.entries(good))('may be %j', (text, value) => {
    expect(parse(field as Field, text)).toEqual(value);
  });

  test.each(bad)('may not be %j', (text) => {
    expect(parse(field as Field, text)).toBeInstanceOf(Unfit);
  });

  test('its default is one that is allowed', () => {
    const { default: value } = SETTINGS[field as Field];
    const texts = value === undefined ? [] : typeof value === 'string' ? [value] : Object.values(value);
    for (const text of texts) expect(parse(field as Field, text)).not.toBeInstanceOf(Unfit);
  });
});

test('the default of a frame is what clients are written against', () => {
  expect(parse('frameBytes', SETTINGS.frameBytes.default as string)).toBe(WIRE_LIMITS.frameBytesMax);
});

test('the entry of a list that is at fault is named', () => {
  expect(parse('trustedProxies', '10.0.0.1, proxy')).toEqual(new Unfit('proxy'));
});
