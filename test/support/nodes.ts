import { createDatabase, type TestDatabase } from './database.ts';
import { NodeProcess, SECRET } from './node-process.ts';
import type { Bouncer } from './pgbouncer.ts';
import { startRedis, type RedisServer } from './redis-server.ts';

/** What the nodes of a test prove to each other. */
export const CLUSTER_SECRET = 'a secret of the nodes, which no client has';

/** What nodes meet on their way to others, if it is not what the tests have anyway. */
interface Around {
  readonly redis?: RedisServer;
  /** In front of the tests' PostgreSQL. */
  readonly bouncer?: Bouncer;
}

/** Nodes of one cluster as processes, with a database and a Redis of their own. */
export class Nodes {
  readonly database: TestDatabase;
  readonly redis: RedisServer;
  readonly #environment: Readonly<Record<string, string>>;
  readonly #nodes = new Map<string, NodeProcess>();

  private constructor(
    database: TestDatabase,
    redis: RedisServer,
    environment: Readonly<Record<string, string>>,
  ) {
    this.database = database;
    this.redis = redis;
    this.#environment = environment;
  }

  /** Starts the nodes of these names, and waits until all are ready. Without a Redis it starts one, too. */
  static async start(
    names: readonly string[],
    environment: Readonly<Record<string, string>> = {},
    { redis, bouncer }: Around = {},
  ): Promise<Nodes> {
    const database = await createDatabase();
    const through = bouncer ? { DATABASE_URL: bouncer.through(database.url) } : {};
    const nodes = new Nodes(database, redis ?? (await startRedis()), { ...through, ...environment });
    for (const name of names) await nodes.add(name);
    return nodes;
  }

  environmentOf(name: string): Readonly<Record<string, string>> {
    return {
      DATABASE_URL: this.database.url,
      REDIS_URL: this.redis.url,
      VAGUS_CLUSTER_SECRET: CLUSTER_SECRET,
      VAGUS_JWT_SECRET: SECRET,
      VAGUS_NODE_ID: name,
      VAGUS_ROOMS_AUTO_CREATE: 'on',
      VAGUS_LOG_LEVEL: 'info',
      ...this.#environment,
    };
  }

  /** Starts one node, and waits until it is ready. */
  async add(name: string, environment: Readonly<Record<string, string>> = {}): Promise<NodeProcess> {
    const node = await NodeProcess.start(['serve'], { ...this.environmentOf(name), ...environment });
    this.#nodes.set(name, node);
    return node;
  }

  get(name: string): NodeProcess {
    const node = this.#nodes.get(name);
    if (!node) throw new Error(`there is no node ${name}`);
    return node;
  }

  get all(): readonly NodeProcess[] {
    return [...this.#nodes.values()];
  }

  /** How many of the shards each node has, by the database. */
  async shares(): Promise<Readonly<Record<string, number>>> {
    const rows = await this.database.query(
      "select split_part(v.nodes[s.node + 1], '.', 1) as node, count(*)::int as n " +
        'from vagus.view v cross join lateral unnest(v.shards) as s(node) group by 1',
    );
    return Object.fromEntries(rows.map(({ node, n }) => [node as string, n as number]));
  }

  /** The name of the node on which a channel's home has written last. */
  async homeOf(channel: string): Promise<string | undefined> {
    return ((await this.stateOf(channel))?.['owner'] as string | undefined)?.split('.')[0];
  }

  /** A channel's owner, epoch and head in the database: whatever commits there changes them. */
  async stateOf(channel: string): Promise<Readonly<Record<string, unknown>> | undefined> {
    const [row] = await this.database.query('select * from vagus.channels where channel = $1', [channel]);
    return row;
  }

  async stop(): Promise<void> {
    await Promise.all(this.all.map((node) => node.kill()));
    await this.redis.stop();
    await this.database.drop();
  }
}
