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

/** One client, which subscribes and publishes by the same connection: what comes back to it has gone both ways. */
export interface RedisClient {
  publish(channel: string, text: string): Promise<unknown>;
  subscribe(channel: string): Promise<unknown>;
  unsubscribe(channel: string): Promise<unknown>;
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
} as const satisfies Options;

/** Opens a client; it connects, and reconnects, by itself until it is ended. */
export function openRedis(place: RedisPlace, events: RedisEvents): RedisClient {
  return place.kind === 'cluster' ? openCluster(place, events) : openSingle(place, events);
}

function accessOf({ isTls, username, password }: RedisPlace): Options {
  return {
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(isTls ? { tls: {} } : {}),
  };
}

/** One server, or the master that sentinels name. */
function openSingle(place: RedisPlace, events: RedisEvents): RedisClient {
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
  client.on('message', (channel: string, text: string) => events.message(channel, text));
  return {
    publish: (channel, text) => client.publish(channel, text),
    subscribe: (channel) => client.subscribe(channel),
    unsubscribe: (channel) => client.unsubscribe(channel),
    isReplica: async () => {
      const role = (await client.role()) as readonly unknown[];
      return role[0] === 'slave';
    },
    end: () => client.disconnect(),
  };
}

function openCluster(place: RedisPlace, events: RedisEvents): RedisClient {
  const client = new Cluster([...place.hosts], {
    redisOptions: { ...OPTIONS, ...accessOf(place) },
    shardedSubscribers: true,
    // Asking one node once after a move may leave a subscriber deaf for good (ioredis 6.0.0).
    slotsRefreshInterval: 1_000,
    slotsRefreshTimeout: COMMAND_MS,
    clusterRetryStrategy: retryDelay,
    enableOfflineQueue: false,
  });
  client.on('ready', () => events.ready());
  client.on('error', (error: Error) => events.error(error));
  client.on('smessage', (channel: string, text: string) => events.message(channel, text));
  return {
    publish: (channel, text) => client.spublish(channel, text),
    subscribe: (channel) => client.ssubscribe(channel),
    unsubscribe: (channel) => client.sunsubscribe(channel),
    isReplica: () => Promise.resolve(null),
    end: () => client.disconnect(),
  };
}
