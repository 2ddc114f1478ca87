import { Cluster, Redis, type RedisOptions } from 'ioredis';

/** Where Redis is, and what kind of installation. */
export interface RedisPlace {
  readonly kind: 'single' | 'sentinel' | 'cluster';
  readonly isTls: boolean;
  readonly hosts: readonly { readonly host: string; readonly port: number }[];
  readonly username: string | undefined;
  readonly password: string | undefined;
  /** The name of the master that the sentinels watch. */
  readonly master: string | undefined;
  readonly database: number;
}

type Options = Omit<RedisOptions, 'replyMapping'>;

/** A command without an answer for this long has failed. */
const COMMAND_MS = 1_000;
const CONNECT_MS = 2_000;

/** Waits between attempts to connect: doubling, with jitter, so that nodes do not come in step. */
function retryDelay(times: number): number {
  return Math.min(50 * 2 ** Math.min(times, 4), 500) * (0.75 + Math.random() / 2);
}

export interface RedisEvents {
  /** Commands may be sent: at first, and after each reconnection. */
  ready(): void;
  message(channel: string, text: string): void;
  error(error: Error): void;
}

/** What a client listens to. */
export interface Subscription {
  readonly channels: readonly string[];
  /** Patterns of channels. A Redis Cluster passes these on to all servers; channels without patterns are sharded there. */
  readonly patterns: readonly string[];
}

/** One client, which subscribes and publishes by the same connection: what comes back to it has gone both ways. */
export interface RedisClient {
  publish(channel: string, text: string): Promise<unknown>;
  subscribe(): Promise<unknown>;
  unsubscribe(): Promise<unknown>;
  /** Sets fields of a hash, which then lives for so long. */
  setHash(key: string, fields: Readonly<Record<string, string | number>>, ttlMs: number): Promise<unknown>;
  /** True for a replica, which passes nothing on to other servers. Null when Redis does not say. */
  isReplica(): Promise<boolean | null>;
  end(): void;
}

const OPTIONS = {
  commandTimeout: COMMAND_MS,
  connectTimeout: CONNECT_MS,
  // A link publishes again what was lost, and knows what is too old for that.
  maxRetriesPerRequest: 0,
  autoResendUnfulfilledCommands: false,
  enableAutoPipelining: false,
  // Unread answers must not keep a cut connection from being noticed.
  keepAlive: 5_000,
  noDelay: true,
  // ioredis 6.0.0 sends CLIENT SETINFO, which the user of an ACL may lack, and Redis before 7.2 does not know.
  disableClientInfo: true,
} as const satisfies Options;

/** Opens a client; it connects, and reconnects, by itself until it is ended. */
export function openRedis(place: RedisPlace, subscription: Subscription, events: RedisEvents): RedisClient {
  return place.kind === 'cluster'
    ? openCluster(place, subscription, events)
    : openSingle(place, subscription, events);
}

/** Subscribes to channels and patterns of any server. */
function plain(
  client: Redis | Cluster,
  { channels, patterns }: Subscription,
  events: RedisEvents,
): Pick<RedisClient, 'publish' | 'subscribe' | 'unsubscribe'> {
  client.on('message', (channel: string, text: string) => events.message(channel, text));
  client.on('pmessage', (_, channel: string, text: string) => events.message(channel, text));
  return {
    publish: (channel, text) => client.publish(channel, text),
    subscribe: () =>
      Promise.all([
        ...(channels.length > 0 ? [client.subscribe(...channels)] : []),
        ...(patterns.length > 0 ? [client.psubscribe(...patterns)] : []),
      ]),
    unsubscribe: () =>
      Promise.all([
        ...(channels.length > 0 ? [client.unsubscribe(...channels)] : []),
        ...(patterns.length > 0 ? [client.punsubscribe(...patterns)] : []),
      ]),
  };
}

/** Subscribes to channels by the server that has their slot. */
function sharded(
  client: Cluster,
  { channels }: Subscription,
  events: RedisEvents,
): Pick<RedisClient, 'publish' | 'subscribe' | 'unsubscribe'> {
  client.on('smessage', (channel: string, text: string) => events.message(channel, text));
  return {
    publish: (channel, text) => client.spublish(channel, text),
    subscribe: () => client.ssubscribe(...channels),
    unsubscribe: () => client.sunsubscribe(...channels),
  };
}

/** In one transaction, so that no hash is left without an end. */
function setHash(client: Redis | Cluster): RedisClient['setHash'] {
  return (key, fields, ttlMs) => client.multi().hset(key, fields).pexpire(key, ttlMs).exec();
}

function accessOf({ isTls, username, password }: RedisPlace): Options {
  return {
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(isTls ? { tls: {} } : {}),
  };
}

/** One server, or the master that sentinels name. */
function openSingle(place: RedisPlace, subscription: Subscription, events: RedisEvents): RedisClient {
  const { hosts, master, database: db, isTls } = place;
  const [only] = hosts;
  const where: Options =
    master === undefined
      ? { ...only }
      : {
          sentinels: [...hosts],
          name: master,
          // A planned failover leaves the client at the old master for 11 s without it (ioredis 6.0.0).
          failoverDetector: true,
          sentinelRetryStrategy: retryDelay,
          enableTLSForSentinelMode: isTls,
        };
  const client = new Redis({
    ...OPTIONS,
    ...accessOf(place),
    ...where,
    db,
    enableOfflineQueue: false,
    autoResubscribe: false,
    retryStrategy: retryDelay,
  });
  client.on('ready', () => events.ready());
  client.on('error', (error: Error) => events.error(error));
  return {
    ...plain(client, subscription, events),
    setHash: setHash(client),
    isReplica: async () => {
      const role = (await client.role()) as readonly unknown[];
      return role[0] === 'slave';
    },
    end: () => client.disconnect(),
  };
}

function openCluster(place: RedisPlace, subscription: Subscription, events: RedisEvents): RedisClient {
  const isSharded = subscription.patterns.length === 0;
  const client = new Cluster([...place.hosts], {
    redisOptions: { ...OPTIONS, ...accessOf(place) },
    shardedSubscribers: isSharded,
    // Asking one node once after a move may leave a subscriber deaf for good (ioredis 6.0.0).
    slotsRefreshInterval: 1_000,
    slotsRefreshTimeout: COMMAND_MS,
    clusterRetryStrategy: retryDelay,
    enableOfflineQueue: false,
  });
  client.on('ready', () => events.ready());
  client.on('error', (error: Error) => events.error(error));
  return {
    ...(isSharded ? sharded : plain)(client, subscription, events),
    setHash: setHash(client),
    isReplica: () => Promise.resolve(null),
    end: () => client.disconnect(),
  };
}
