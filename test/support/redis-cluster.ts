import { execFileSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { findProgram } from './debian.ts';
import { startRedis, type RedisServer } from './redis-server.ts';

/** A Redis Cluster of the tests' own: three masters, each with a replica. */
export class RedisCluster {
  readonly servers: readonly RedisServer[];

  private constructor(servers: readonly RedisServer[]) {
    this.servers = servers;
  }

  static async start(): Promise<RedisCluster> {
    const settings = {
      'cluster-enabled': 'yes',
      'cluster-node-timeout': '2000',
      'repl-diskless-sync-delay': '0',
    };
    const servers: RedisServer[] = [];
    for (let n = 0; n < 6; n++) servers.push(await startRedis(settings));
    const cluster = new RedisCluster(servers);
    const places = servers.map(({ port }) => `127.0.0.1:${port}`);
    cluster.#manage('create', ...places, '--cluster-replicas', '1', '--cluster-yes');
    await cluster.isWell();
    return cluster;
  }

  get url(): string {
    return `redis-cluster://${this.servers.map(({ port }) => `127.0.0.1:${port}`).join(',')}`;
  }

  #manage(...args: readonly string[]): void {
    const program = findProgram(['redis-cli'], ['/usr/bin', '/opt/homebrew/bin', '/usr/local/bin']);
    execFileSync(program as string, ['--cluster', ...args], { stdio: 'ignore' });
  }

  /** Waits until every server that lives sees a whole cluster, and replicas have what their masters have. */
  async isWell(): Promise<void> {
    for (let tries = 0; tries < 600; tries++) {
      const ask = async (server: RedisServer): Promise<boolean> => {
        const answers = [await server.call('cluster', 'info'), await server.call('info', 'replication')];
        const state = answers.map(String).join(' ');
        return state.includes('cluster_state:ok') && !state.includes('master_link_status:down');
      };
      const states = await Promise.all(this.#living.map((server) => ask(server).catch(() => false)));
      if (states.every((isWell) => isWell)) return;
      await sleep(50);
    }
    throw new Error('the Redis Cluster is not whole');
  }

  get #living(): readonly RedisServer[] {
    return this.servers.filter(({ process }) => process.exitCode === null && process.signalCode === null);
  }

  /** The id of each server, by its port, and whether it is a master. */
  async #nodes(): Promise<{ id: string; port: number; isMaster: boolean; slots: string[] }[]> {
    const text = String(await this.#living[0]?.call('cluster', 'nodes'));
    return text
      .trim()
      .split('\n')
      .map((line) => {
        const [id = '', address = '', flags = '', , , , , ...slots] = line.split(' ');
        return { id, port: Number(/:(\d+)@/.exec(address)?.[1]), isMaster: flags.includes('master'), slots };
      });
  }

  async slotOf(channel: string): Promise<number> {
    return Number(await this.#living[0]?.call('cluster', 'keyslot', channel));
  }

  /** The master that has a slot. */
  async masterOf(slot: number): Promise<RedisServer> {
    const master = (await this.#nodes()).find(
      ({ isMaster, slots }) => isMaster && slots.some((range) => has(range, slot)),
    );
    return this.servers.find(({ port }) => port === master?.port) as RedisServer;
  }

  /** Moves an empty slot to another master. The servers beside the two hear of it by gossip, later. */
  async move(slot: number): Promise<void> {
    const nodes = await this.#nodes();
    const from = nodes.find(({ isMaster, slots }) => isMaster && slots.some((range) => has(range, slot)));
    const to = nodes.find(({ isMaster, id }) => isMaster && id !== from?.id);
    if (!from || !to) throw new Error('there is nowhere to move the slot');
    const [source, target] = [from, to].map(({ port }) =>
      this.servers.find((server) => server.port === port),
    ) as [RedisServer, RedisServer];
    await target.call('cluster', 'setslot', String(slot), 'importing', from.id);
    await source.call('cluster', 'setslot', String(slot), 'migrating', to.id);
    await target.call('cluster', 'setslot', String(slot), 'node', to.id);
    await source.call('cluster', 'setslot', String(slot), 'node', to.id);
  }

  /** A replica takes over from the master of a slot, as for maintenance. */
  async failOver(slot: number): Promise<void> {
    const nodes = await this.#nodes();
    const master = await this.masterOf(slot);
    const id = nodes.find(({ port }) => port === master.port)?.id;
    const text = String(await this.#living[0]?.call('cluster', 'nodes'));
    const line = text.split('\n').find((one) => one.includes('slave') && one.includes(id as string)) ?? '';
    const port = Number(/:(\d+)@/.exec(line)?.[1]);
    await this.servers.find((server) => server.port === port)?.call('cluster', 'failover');
  }

  async stop(): Promise<void> {
    await Promise.all(this.servers.map((server) => server.stop()));
  }
}

function has(range: string, slot: number): boolean {
  const [first, last = first] = range.split('-').map(Number);
  return slot >= (first as number) && slot <= (last as number);
}
