import { describe, expect, test } from 'vitest';
import { configOfSettings } from '../../src/config/options.ts';
import { FIELDS } from '../../src/config/settings.ts';
import { readConfig } from '../../src/config/index.ts';
import { ConfigError, createEngine, type EngineOptions } from '../../src/index.ts';

const jwtSecret = 'x'.repeat(32);

describe('options', () => {
  test('options have the defaults of vagus serve, but there is no admin port', () => {
    const serve = readConfig(
      { host: '0.0.0.0', roomsAutoCreate: false, logLevel: 'info', jwtSecret: () => jwtSecret },
      {},
    );
    expect(configOfSettings({ jwtSecret })).toEqual({ ...serve, adminPort: undefined });
    expect(configOfSettings({ jwtSecret, host: undefined }).host).toBe('0.0.0.0');
    expect(configOfSettings({ ...serve, adminPort: 0 })).toEqual({ ...serve, adminPort: 0 });
  });

  test('no environment is read', () => {
    process.env['VAGUS_PORT'] = '1';
    try {
      expect(configOfSettings({ jwtSecret }).port).toBe(8_080);
    } finally {
      delete process.env['VAGUS_PORT'];
    }
  });

  test('fields are what they are in Config: milliseconds, bytes, lists; 0 is off', () => {
    const config = configOfSettings({
      jwks: '/keys.json',
      heartbeatIntervalMs: 1_500,
      heartbeatTimeoutMs: 3_000,
      frameBytes: 2_048,
      roomIdleMs: 0,
      messagesPerMinute: 0,
      retention: { room: 3_600_000 },
      allowedOrigins: ['https://a.example', 'HTTPS://A.example'],
      tokenInUrl: true,
    });
    expect(config).toMatchObject({
      jwtSecret: undefined,
      heartbeatIntervalMs: 1_500,
      frameBytes: 2_048,
      messagesPerMinute: 0,
      retention: { broadcast: 0, user: 0, room: 3_600_000 },
      allowedOrigins: ['https://a.example'],
      tokenInUrl: true,
    });
    expect(config.roomIdleMs).toBeGreaterThan(86_400_000);
    expect(Object.isFrozen(config)).toBe(true);
  });

  const circle: Record<string, unknown> = {};
  circle['self'] = circle;
  test.each<[string, unknown, RegExp]>([
    ['port', 70_000, /^port is 70000, but must be a whole number from 0 to 65535 \(0: any free port\)$/],
    ['port', '3000', /^port is "3000", but must be a whole number from 0 to 65535/],
    ['port', Number.NaN, /^port is NaN, but/],
    ['port', 1.5, /^port is 1\.5, but/],
    ['host', 'a b', /^host is "a b", but must be an address/],
    ['host', null, /^host is null, but must be a string: an address/],
    ['graceMs', -1, /^graceMs is -1, but must be 0, or a whole number of milliseconds from 1 to 86400000$/],
    [
      'graceMs',
      '15s',
      /^graceMs is "15s", but must be 0, or a whole number of milliseconds from 1 to 86400000$/,
    ],
    ['stallMs', 0, /^stallMs is 0, but must be a whole number of milliseconds from 1000 to 86400000$/],
    ['frameBytes', 10, /^frameBytes is 10, but must be 0, or a whole number of bytes from 1024 to 196608$/],
    ['messagesPerMinute', '60', /^messagesPerMinute is "60", but must be 0, or a whole number from 1 to/],
    ['roomsAutoCreate', 'on', /^roomsAutoCreate is "on", but must be true or false$/],
    [
      'allowedOrigins',
      'https://a.example',
      /^allowedOrigins is "https:\/\/a\.example", but must be an array, each/,
    ],
    ['allowedOrigins', ['*'], /^allowedOrigins has "\*", but each entry must be an origin/],
    ['allowedOrigins', ['https://a.example', 1], /^allowedOrigins has 1, but each entry must be an origin/],
    [
      'allowedOrigins',
      ['https://a.example,https://b.example'],
      /^allowedOrigins has "https.*b\.example", but each/,
    ],
    [
      'retention',
      0,
      /^retention is 0, but must be an object with some of broadcast, user, room, each of it 0, or a/,
    ],
    [
      'retention',
      60_000,
      /^retention is 60000, but must be an object with some of broadcast, user, room, each/,
    ],
    ['retention', ['room'], /^retention is \["room"\], but must be an object/],
    ['retention', { rooms: 60_000 }, /^retention\.rooms is none of broadcast, user, room$/],
    [
      'retention',
      { room: '1d' },
      /^retention\.room is "1d", but must be 0, or a whole number of milliseconds from 60000/,
    ],
    [
      'retention',
      { room: 1 },
      /^retention\.room is 1, but must be 0, or a whole number of milliseconds from 60000/,
    ],
    ['retention', { room: circle }, /^retention\.room is an object that is no JSON, but/],
    ['logLevel', 'loud', /^logLevel is "loud", but must be one of debug/],
    ['logLevel', () => 1, /^logLevel is a function, but must be a string: one of debug/],
    ['jwtSecret', 'hunter2', /^jwtSecret must be 32 bytes or more, without line breaks$/],
    ['jwtSecret', ['hunter2'], /^jwtSecret is of the type object, but must be a string: 32 bytes or more/],
    ['databaseUrl', 'mysql://u:hunter2@h/d', /^databaseUrl must be a URL such as/],
    [
      'databaseUrl',
      new URL('postgres://u:hunter2@h/d'),
      /^databaseUrl is of the type object, but must be a string: a/,
    ],
    ['prot', 80, /^prot is not an option: did you mean port\?$/],
    ['hookDeadline', 80, /^hookDeadline is not an option$/],
    ['server', {}, /^server is \{\}, but must be a server of node:http or node:https$/],
    ['hooks', null, /^hooks is null, but must be an object/],
    ['hooks', { onMessage: () => true }, /^hooks\.onMessage is not a hook; there are authorize and/],
    ['hooks', { beforeMessage: true }, /^hooks\.beforeMessage is true, but must be a function$/],
    [
      'hooks',
      { deadlineMs: 99 },
      /^hooks\.deadlineMs is 99, but must be a whole number of milliseconds from 100 to 10000$/,
    ],
    ['hooks', { deadlineMs: '1s' }, /^hooks\.deadlineMs is "1s", but/],
  ])('%s: %j is refused', async (field, value, message) => {
    const options = { jwtSecret, [field]: value } as unknown as EngineOptions;
    const error = await createEngine(options).catch((error: unknown) => error);
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as Error).message).toMatch(message);
    expect((error as Error).message).not.toContain('hunter2');
  });

  test('no text names a variable of the environment', async () => {
    for (const field of FIELDS)
      for (const value of [{ a: 1 }, '\n', -1, [1]]) {
        const error = await createEngine({ jwtSecret, [field]: value }).catch((error: unknown) => error);
        expect(error, `${field}: ${JSON.stringify(value)}`).toBeInstanceOf(ConfigError);
        expect((error as Error).message).toMatch(new RegExp(`^${field}\\b`));
        expect((error as Error).message).not.toMatch(/VAGUS_|DATABASE_URL|on or off|commas|KiB|30s|room=/);
      }
  });

  test.each<[EngineOptions, RegExp]>([
    [{}, /^jwtSecret is not set, nor jwks/],
    [
      { jwtSecret, heartbeatIntervalMs: 60_000 },
      /^heartbeatTimeoutMs must be at least twice heartbeatIntervalMs$/,
    ],
    [
      { jwtSecret, outboundBytes: 65_536, frameBytes: 131_072 },
      /^outboundBytes must not be less than frameBytes$/,
    ],
    [{ jwtSecret, jwtAlgorithms: ['ES256'] }, /^jwtAlgorithms has ES256, which needs jwks$/],
    [
      { jwtSecret, retention: { user: 60_000 }, stallMs: 120_000 },
      /^retention must not be less than stallMs$/,
    ],
  ])('what does not fit together is refused: %#', async (options, message) => {
    await expect(createEngine(options)).rejects.toThrow(message);
  });
});
