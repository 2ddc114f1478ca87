import type { Config } from './config.ts';
import { CENTURY_MS, DAY_MS, DECADE_MS, duration, list, MINUTE_MS, onOrOff, oneOf } from './parser.ts';
import { size, text, whole } from './parser.ts';
import * as particular from './particular.ts';
import { limit, setting, span, type Mode, type Setting } from './setting.ts';

export { GROUPS, type Mode, type Setting } from './setting.ts';

const KIB = 1_024;

/** The largest frame that still fits a frame to a client (1 MiB): numbers such as 1e20 grow 4.4 times when written out. */
const FRAME_BYTES_MAX = 192 * KIB;

/** A field without a setting does not compile. */
export const SETTINGS: { readonly [Field in keyof Config]: Setting<Exclude<Config[Field], undefined>> } = {
  host: setting('Network', {
    variable: 'VAGUS_HOST',
    parser: particular.host,
    default: { dev: '127.0.0.1', serve: '0.0.0.0' },
    what: 'address of the public port',
  }),
  port: setting('Network', {
    variable: 'VAGUS_PORT',
    parser: particular.port,
    default: '8080',
    what: 'public port: /ws, /v1, /healthz, /readyz',
  }),
  adminHost: setting('Network', {
    variable: 'VAGUS_ADMIN_HOST',
    parser: particular.host,
    default: '127.0.0.1',
    what: 'address of the admin port; every client that reaches it may read everything',
  }),
  adminPort: setting('Network', {
    variable: 'VAGUS_ADMIN_PORT',
    parser: particular.port,
    default: '9090',
    what: 'admin port: /metrics, and health too',
  }),
  allowedOrigins: setting('Network', {
    variable: 'VAGUS_ALLOWED_ORIGINS',
    parser: list(particular.origin),
    default: undefined,
    what: 'pages that may connect; not set: all',
  }),
  trustedProxies: setting('Network', {
    variable: 'VAGUS_TRUSTED_PROXIES',
    parser: list(particular.proxy),
    default: undefined,
    what: 'proxies whose X-Forwarded-For is trusted; not set: none',
  }),

  databaseUrl: setting('Store', {
    variable: 'DATABASE_URL',
    parser: particular.databaseUrl,
    default: undefined,
    what: 'PostgreSQL 15 or newer; not set: the embedded database',
    shown: 'no password',
  }),
  databasePooler: setting('Store', {
    variable: 'VAGUS_DATABASE_POOLER',
    parser: oneOf(['auto', 'off', 'on']),
    default: 'auto',
    what: 'a transaction pooler in front of PostgreSQL; auto: each connection checks',
  }),
  databaseFsyncOff: setting('Store', {
    variable: 'VAGUS_DATABASE_FSYNC_OFF',
    parser: oneOf(['refuse', 'allow']),
    default: 'refuse',
    what: 'whether to start on a PostgreSQL with fsync off, which a power cut may destroy',
  }),
  dataDir: setting('Store', {
    variable: 'VAGUS_DATA_DIR',
    parser: text,
    default: '.vagus',
    what: 'folder of the embedded database, and of the secret of vagus dev',
  }),
  retention: setting('Store', {
    variable: 'VAGUS_RETENTION',
    parser: particular.retention,
    default: '0',
    what: 'how long messages are kept; kinds not named: for ever',
  }),

  redisUrl: setting('Cluster', {
    variable: 'REDIS_URL',
    parser: particular.redisUrl,
    default: undefined,
    what: 'Redis, by which nodes reach each other; not set: a node alone',
    shown: 'no password',
  }),
  clusterSecret: setting('Cluster', {
    variable: 'VAGUS_CLUSTER_SECRET',
    parser: particular.secret,
    default: undefined,
    what: 'shared secret of the nodes; required with REDIS_URL',
    isFlag: false,
    shown: 'nothing',
  }),
  role: setting('Cluster', {
    variable: 'VAGUS_ROLE',
    parser: oneOf(['node', 'edge']),
    default: 'node',
    what: 'what the process is in a cluster; an edge takes clients, and no homes of channels',
  }),
  redisPrefix: setting('Cluster', {
    variable: 'VAGUS_REDIS_PREFIX',
    parser: particular.redisPrefix,
    default: 'vagus:',
    what: 'how the keys and the nodes’ own channels in Redis begin',
  }),
  redisIngress: setting('Cluster', {
    variable: 'VAGUS_REDIS_INGRESS',
    parser: onOrOff,
    default: 'on',
    what: 'whether what other programs publish by Redis is stored and delivered',
  }),
  redisEgress: setting('Cluster', {
    variable: 'VAGUS_REDIS_EGRESS',
    parser: onOrOff,
    default: 'off',
    what: 'whether stored messages are published for other programs',
  }),
  redisChannelPrefix: setting('Cluster', {
    variable: 'VAGUS_REDIS_CHANNEL_PREFIX',
    parser: particular.redisPrefix,
    default: undefined,
    what: 'how the channels of other programs begin; not set: room:lobby as it is',
  }),

  jwtSecret: setting('Tokens', {
    variable: 'VAGUS_JWT_SECRET',
    parser: particular.secret,
    default: undefined,
    what: 'shared secret of the tokens; vagus dev makes one',
    isFlag: false,
    shown: 'nothing',
  }),
  jwks: setting('Tokens', {
    variable: 'VAGUS_JWT_JWKS',
    parser: particular.keySet,
    default: undefined,
    what: 'public keys of the tokens, as a JWKS',
    shown: 'no password',
  }),
  jwtAlgorithms: setting('Tokens', {
    variable: 'VAGUS_JWT_ALGORITHMS',
    parser: list(particular.algorithm),
    default: undefined,
    what: 'accepted algorithms; not set: all that secret and keys allow',
  }),
  jwtIssuer: setting('Tokens', {
    variable: 'VAGUS_JWT_ISSUER',
    parser: text,
    default: undefined,
    what: 'iss that tokens must have',
  }),
  jwtAudience: setting('Tokens', {
    variable: 'VAGUS_JWT_AUDIENCE',
    parser: text,
    default: undefined,
    what: 'aud that tokens must have',
  }),
  tokenTtlMaxMs: span('Tokens', 'VAGUS_TOKEN_TTL_MAX', duration(MINUTE_MS, DECADE_MS, CENTURY_MS), [
    '30d',
    'how far in the future exp may be; 0: any time',
  ]),
  tokenInUrl: setting('Tokens', {
    variable: 'VAGUS_TOKEN_IN_URL',
    parser: onOrOff,
    default: 'off',
    what: 'whether ?token= counts; proxies write URLs into their logs',
  }),

  messagesPerMinute: limit('VAGUS_MESSAGES_PER_MINUTE', 1_000_000, '60', 'messages of a user in a minute'),
  signalsPerSecond: limit('VAGUS_SIGNALS_PER_SECOND', 100_000, '10', 'signals of a connection in a second'),
  requestsPerMinute: limit(
    'VAGUS_REQUESTS_PER_MINUTE',
    1_000_000,
    '600',
    'other requests of a connection in a minute',
  ),
  rateAbusePerMinute: limit(
    'VAGUS_RATE_ABUSE_PER_MINUTE',
    1_000_000,
    '300',
    'requests over a limit, in a minute, after which a connection is closed',
  ),
  controlFramesPerSecond: limit(
    'VAGUS_CONTROL_FRAMES_PER_SECOND',
    100_000,
    '10',
    'pings and pongs of a connection in a second; ten times as many at once',
  ),
  fragmentsPerMessage: limit('VAGUS_FRAGMENTS_PER_MESSAGE', 65_536, '64', 'fragments of one message'),
  messageMs: span('Limits', 'VAGUS_MESSAGE_TIMEOUT', duration(1_000, DAY_MS, 0), [
    '30s',
    'how long a message may take to be complete',
  ]),
  inboundBytesPerSecond: span('Limits', 'VAGUS_INBOUND_BYTES_PER_SECOND', size(64 * KIB, KIB ** 3, 0), [
    '1MiB',
    'bytes from a connection in a second; four times as many at once',
  ]),
  readBytesPerSecond: span('Limits', 'VAGUS_READ_BYTES_PER_SECOND', size(64 * KIB, KIB ** 3, 0), [
    '2MiB',
    'bytes of messages read for a user in a second; eight times as many at once',
  ]),
  connectionsPerSecond: limit(
    'VAGUS_CONNECTIONS_PER_SECOND',
    100_000,
    '5',
    'new connections from one address in a second, and refused tokens',
  ),
  connectionsPerUser: limit('VAGUS_CONNECTIONS_PER_USER', 100_000, '20', 'connections of a user'),
  connectionsMax: limit('VAGUS_CONNECTIONS_MAX', 10_000_000, '50000', 'connections of this node'),
  roomsPerConnection: limit('VAGUS_ROOMS_PER_CONNECTION', 100_000, '100', 'rooms a connection has joined'),
  roomsPerHour: limit('VAGUS_ROOMS_PER_HOUR', 1_000_000, '100', 'rooms a user makes in an hour'),
  membersPerCreate: limit(
    'VAGUS_MEMBERS_PER_CREATE',
    1_000,
    '100',
    'members a user puts into a room with one create',
  ),
  frameBytes: span('Limits', 'VAGUS_FRAME_BYTES', size(KIB, FRAME_BYTES_MAX, FRAME_BYTES_MAX), [
    '64KiB',
    'one frame from a client; 0: 192KiB',
  ]),
  outboundBytes: span('Limits', 'VAGUS_OUTBOUND_BYTES', size(64 * KIB, KIB ** 3, 0), [
    '1MiB',
    'unread bytes past which a connection is slow',
  ]),
  stallMs: span('Limits', 'VAGUS_SLOW_CLIENT_TIMEOUT', duration(1_000, DAY_MS), [
    '30s',
    'how long a slow client may read nothing before it is closed',
  ]),
  mailboxMessages: span('Limits', 'VAGUS_MAILBOX_MESSAGES', whole(16, 65_536, 65_536), [
    '1024',
    'messages that may wait for a room; 0: 65536',
  ]),

  roomsAutoCreate: setting('Rooms and presence', {
    variable: 'VAGUS_ROOMS_AUTO_CREATE',
    parser: onOrOff,
    default: { dev: 'on', serve: 'off' },
    what: 'whether a room that was never created is public, or not_found',
  }),
  roomsCreate: setting('Rooms and presence', {
    variable: 'VAGUS_ROOMS_CREATE',
    parser: oneOf(['users', 'admins', 'off']),
    default: 'users',
    what: 'users who may create rooms: all, those with the scope vagus:admin, or none',
  }),
  roomIdleMs: span('Rooms and presence', 'VAGUS_ROOM_IDLE', duration(1_000, 365 * DAY_MS, DECADE_MS), [
    '5m',
    'time after which an unused room’s actor stops; 0: never',
  ]),
  graceMs: span('Rooms and presence', 'VAGUS_PRESENCE_GRACE', duration(1, DAY_MS, 0), [
    '15s',
    'how long a user without a connection still counts as present',
  ]),
  heartbeatIntervalMs: span('Rooms and presence', 'VAGUS_HEARTBEAT_INTERVAL', duration(300, DAY_MS), [
    '30s',
    'silence after which a connection is suspect; pinged at two thirds',
  ]),
  heartbeatTimeoutMs: span('Rooms and presence', 'VAGUS_HEARTBEAT_TIMEOUT', duration(600, DAY_MS), [
    '90s',
    'silence after which it is closed; at least twice the interval',
  ]),

  node: setting('Node', {
    variable: 'VAGUS_NODE_ID',
    parser: particular.nodeId,
    default: 'n1',
    what: 'the node’s name in addresses and logs',
  }),
  logLevel: setting('Node', {
    variable: 'VAGUS_LOG_LEVEL',
    parser: oneOf(['debug', 'info', 'warn', 'error', 'silent']),
    default: { dev: 'warn', serve: 'info' },
    what: 'how much is logged',
  }),
};

export const FIELDS = Object.keys(SETTINGS) as readonly (keyof Config)[];

/** Names a file instead of `vagus.json`. Neither the variable nor its flag can be in that file. */
export const FILE_SETTING = { variable: 'VAGUS_CONFIG', key: 'config' } as const;

/** The default as text, for a mode. */
export function standard(setting: Setting, mode: Mode): string | undefined {
  return typeof setting.default === 'object' ? setting.default[mode] : setting.default;
}
