import { WIRE_LIMITS } from './protocol/limits.ts';

/** What the engine is started with: one frozen object, made here and nowhere else. Times in milliseconds, sizes in bytes. */
export interface Config {
  readonly node: string;
  readonly host: string;
  readonly port: number;
  /** Where metrics are; never on the public port. */
  readonly adminPort: number;
  /** Loopback unless told otherwise: whoever reaches it may read everything. */
  readonly adminHost: string;
  /** The embedded database's folder; used when `databaseUrl` is undefined. */
  readonly dataDir: string;
  readonly databaseUrl: string | undefined;
  /** Shared secret of HS256, HS384 and HS512 (JW1). Without it only `jwks` counts; one of the two is there. */
  readonly jwtSecret: string | undefined;
  /** URL or file of a JWKS, for RS, ES and EdDSA (JW1). */
  readonly jwks: string | undefined;
  /** Algorithms that are accepted, of those that secret and JWKS allow; empty: all of those. */
  readonly jwtAlgorithms: readonly string[];
  /** Whether `?token=` is looked at (HS2). */
  readonly tokenInUrl: boolean;
  readonly jwtIssuer: string | undefined;
  readonly jwtAudience: string | undefined;
  readonly tokenTtlMaxMs: number;
  /** Origins that may connect (LM4); empty: all. */
  readonly allowedOrigins: readonly string[];
  /** Addresses and networks whose `X-Forwarded-For` is believed (LM3). */
  readonly trustedProxies: readonly string[];
  /** Messages a user may send in a minute (LM2); 0: no limit, as for all limits below. */
  readonly messagesPerMinute: number;
  /** Signals a connection may send in a second (LM2). */
  readonly signalsPerSecond: number;
  /** All other requests of a connection in a minute (LM2). */
  readonly requestsPerMinute: number;
  /** Requests against a limit that was just told, in a minute, after which the connection is closed with 4504 (LM2). */
  readonly rateAbusePerMinute: number;
  /** New connections a second from one address (LM3). */
  readonly connectionsPerSecond: number;
  /** Connections of one user (LM6). */
  readonly connectionsPerUser: number;
  /** Connections of this node; more are refused as `overloaded`. */
  readonly connectionsMax: number;
  /** Messages that may wait for one actor (LM8). */
  readonly mailboxMessages: number;
  readonly retention: Retention;
  readonly heartbeatIntervalMs: number;
  readonly heartbeatTimeoutMs: number;
  /** How long a user may be gone without having left (LC3). */
  readonly graceMs: number;
  /** A room that was never created is public and empty (FR7). */
  readonly roomsAutoCreate: boolean;
  readonly roomIdleMs: number;
  /** Bytes of one frame from a client (LM1). */
  readonly frameBytes: number;
  /** Rooms joined at once (LM5); 0: no limit. */
  readonly roomsPerConnection: number;
  /** Past it a connection is slow (LM7); 0: no limit. */
  readonly outboundBytes: number;
  /** How long a slow client may make no progress (LM7). */
  readonly stallMs: number;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error' | 'silent';
}

/** How long messages are kept, in milliseconds, by kind of channel (LM10); 0: for ever. */
export interface Retention {
  readonly broadcast: number;
  readonly user: number;
  readonly room: number;
}

/** A setting that cannot be used: its name, what it was, and what it may be. */
export class ConfigError extends Error {}

/** What differs between the ways to run, where the environment says nothing. */
export interface ConfigDefaults extends Pick<Config, 'host' | 'roomsAutoCreate' | 'logLevel'> {
  /** The secret when none is set; it may be kept in the data folder. */
  readonly jwtSecret: (dataDir: string) => string;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Turns a setting's text into its value, or throws a {@link ConfigError}. */
type Parse<Value> = (text: string, name: string) => Value;

const KIB = 1024;

/** What fits a frame to a client (1 MiB), when numbers such as 1e20 are written out: 4.4 times as long, and some more. */
const FRAME_BYTES_MAX = 192 * KIB;

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

/** Reads the configuration; throws a {@link ConfigError} that says what to change. */
export function readConfig(defaults: ConfigDefaults, environment: Environment = process.env): Config {
  const find = (name: string): string | undefined => environment[name] || undefined;
  const read = <Value, Otherwise>(
    name: string,
    parse: Parse<Value>,
    otherwise: Otherwise,
  ): Value | Otherwise => {
    const text = find(name);
    return text === undefined ? otherwise : parse(text, name);
  };
  if (find('REDIS_URL'))
    throw new ConfigError('REDIS_URL is set, but this version runs on one node only: unset it');
  const dataDir = read('VAGUS_DATA_DIR', asIs, '.vagus');
  const config: Config = {
    node: read('VAGUS_NODE_ID', nodeId, 'n1'),
    host: read('VAGUS_HOST', asIs, defaults.host),
    port: read('VAGUS_PORT', port, 8080),
    adminPort: read('VAGUS_ADMIN_PORT', port, 9090),
    adminHost: '127.0.0.1',
    jwks: undefined,
    jwtAlgorithms: [],
    tokenInUrl: false,
    allowedOrigins: [],
    trustedProxies: [],
    messagesPerMinute: 60,
    signalsPerSecond: 10,
    requestsPerMinute: 600,
    rateAbusePerMinute: 300,
    connectionsPerSecond: 5,
    connectionsPerUser: 20,
    connectionsMax: 50_000,
    mailboxMessages: 1_024,
    retention: { broadcast: 0, user: 0, room: 0 },
    dataDir,
    databaseUrl: read('DATABASE_URL', databaseUrl, undefined),
    jwtSecret: read('VAGUS_JWT_SECRET', secret, undefined) ?? defaults.jwtSecret(dataDir),
    jwtIssuer: read('VAGUS_JWT_ISSUER', asIs, undefined),
    jwtAudience: read('VAGUS_JWT_AUDIENCE', asIs, undefined),
    tokenTtlMaxMs: read('VAGUS_TOKEN_TTL_MAX', duration(MINUTE_MS, 3_650 * DAY_MS), 30 * DAY_MS),
    heartbeatIntervalMs: read('VAGUS_HEARTBEAT_INTERVAL', duration(300, DAY_MS), 30_000),
    heartbeatTimeoutMs: read('VAGUS_HEARTBEAT_TIMEOUT', duration(600, DAY_MS), 90_000),
    graceMs: read('VAGUS_PRESENCE_GRACE', duration(0, DAY_MS), 15_000),
    roomsAutoCreate: read('VAGUS_ROOMS_AUTO_CREATE', onOrOff, defaults.roomsAutoCreate),
    roomIdleMs: read('VAGUS_ROOM_IDLE', duration(1_000, 365 * DAY_MS), 300_000),
    frameBytes:
      read('VAGUS_FRAME_BYTES', size(KIB, FRAME_BYTES_MAX), WIRE_LIMITS.frameBytesMax) || FRAME_BYTES_MAX,
    roomsPerConnection: read('VAGUS_ROOMS_PER_CONNECTION', whole(0, 100_000), 100),
    outboundBytes: read('VAGUS_OUTBOUND_BYTES', size(64 * KIB, 1024 * 1024 * KIB), 1024 * KIB),
    stallMs: read('VAGUS_SLOW_CLIENT_TIMEOUT', duration(1_000, DAY_MS), 30_000),
    logLevel: read(
      'VAGUS_LOG_LEVEL',
      oneOf(['debug', 'info', 'warn', 'error', 'silent'] as const),
      defaults.logLevel,
    ),
  };
  checkRelations(config);
  return Object.freeze(config);
}

/** What no single value can say. */
export function checkRelations(config: Config): void {
  // A connection must have been suspect for a while before it is given up: an answer to the ping is on its way.
  if (config.heartbeatTimeoutMs < config.heartbeatIntervalMs * 2) {
    throw new ConfigError('VAGUS_HEARTBEAT_TIMEOUT must be at least twice VAGUS_HEARTBEAT_INTERVAL');
  }
}

function notAllowed(name: string, was: string, may: string): ConfigError {
  return new ConfigError(`${name} is ${JSON.stringify(was)}, but must be ${may}`);
}

const asIs: Parse<string> = (text) => text;

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: MINUTE_MS, h: 3_600_000, d: DAY_MS };

/** `500ms`, `30s`, `5m`, `12h`, `30d`; bounds in milliseconds. */
export function duration(min: number, max: number): Parse<number> {
  return (text, name) => {
    const [, amount, unit] = /^(\d+)(ms|s|m|h|d)$/.exec(text) ?? [];
    const value = Number(amount) * (UNITS[unit ?? ''] ?? Number.NaN);
    if (!(value >= min && value <= max)) {
      throw notAllowed(name, text, `a duration such as 30s, 5m or 12h, from ${min}ms to ${max / DAY_MS}d`);
    }
    return value;
  };
}

/** `65536`, `64KiB`, `1MiB`; 0 is always allowed. */
function size(min: number, max: number): Parse<number> {
  return (text, name) => {
    const [, amount, unit] = /^(\d+)(B|KiB|MiB)?$/.exec(text) ?? [];
    const value = Number(amount) * ({ KiB: KIB, MiB: KIB * KIB }[unit ?? ''] ?? 1);
    if (!(value === 0 || (value >= min && value <= max))) {
      throw notAllowed(
        name,
        text,
        `0, or a size such as 64KiB or 1MiB, from ${min / KIB}KiB to ${max / KIB}KiB`,
      );
    }
    return value;
  };
}

function whole(min: number, max: number): Parse<number> {
  return (text, name) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < min || value > max)
      throw notAllowed(name, text, `a whole number from ${min} to ${max}`);
    return value;
  };
}

const port: Parse<number> = (text, name) => {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value > 65_535)
    throw notAllowed(name, text, 'a port from 0 to 65535 (0: any free one)');
  return value;
};

function oneOf<const Value extends string>(values: readonly Value[]): Parse<Value> {
  return (text, name) => {
    const found = values.find((value) => value === text);
    if (found === undefined) throw notAllowed(name, text, `one of ${values.join(', ')}`);
    return found;
  };
}

const onOrOff: Parse<boolean> = (text, name) => oneOf(['on', 'off'])(text, name) === 'on';

const nodeId: Parse<string> = (text, name) => {
  if (!/^[a-z0-9][a-z0-9-]{0,31}$/.test(text)) throw notAllowed(name, text, '1 to 32 of a-z 0-9 -');
  return text;
};

/** Neither a secret nor a password is repeated in a complaint. */
const secret: Parse<string> = (text, name) => {
  if (Buffer.byteLength(text) < 32)
    throw new ConfigError(`${name} is too short: it must have 32 bytes or more`);
  return text;
};

const databaseUrl: Parse<string> = (text, name) => {
  if (!/^postgres(ql)?:\/\//.test(text))
    throw new ConfigError(`${name} must begin with postgres:// or postgresql://`);
  return text;
};
