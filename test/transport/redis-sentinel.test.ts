import { afterAll, expect, test } from 'vitest';
import { readRedisUrl } from '../../src/config/redis-url.ts';
import type { RedisPlace } from '../../src/transport/bus/redis-client.ts';
import { numbered } from '../contract/bus.contract.ts';
import { startRedis, startSentinel, type RedisServer } from '../support/redis-server.ts';
import { numbersOf, RedisWorld, until } from '../support/redis-world.ts';

const servers: RedisServer[] = [];
let world: RedisWorld | undefined;
afterAll(async () => {
  world?.close();
  await Promise.all(servers.map((server) => server.stop()));
});

test('[D13] behind a sentinel: a planned failover, then the master is killed; all messages arrive, in order', async () => {
  const settings = { 'repl-diskless-sync-delay': '0' };
  const first = await startRedis(settings);
  const second = await startRedis({ ...settings, replicaof: `127.0.0.1 ${first.port}` });
  servers.push(first, second);
  const isFollowing = async (server: RedisServer): Promise<boolean> =>
    String(await server.call('info', 'replication')).includes('master_link_status:up');
  await expect.poll(() => isFollowing(second), { timeout: 10_000 }).toBe(true);
  const sentinel = await startSentinel(first);
  servers.push(sentinel);
  const replicas = async (): Promise<number> =>
    ((await sentinel.call('sentinel', 'replicas', 'main')) as readonly unknown[]).length;
  await expect.poll(replicas, { timeout: 20_000 }).toBe(1);

  world = new RedisWorld(readRedisUrl(`redis-sentinel://127.0.0.1:${sentinel.port}/main`) as RedisPlace);
  const [a, b] = [await world.start('a.1'), await world.start('b.1')];
  let sent = 0;
  const send = (): void => {
    if (a.bus.send('b.1', numbered(sent + 1))) sent++;
    a.bus.flush();
  };
  const master = async (): Promise<number> =>
    Number(((await sentinel.call('sentinel', 'get-master-addr-by-name', 'main')) as readonly string[])[1]);
  const came = (): number[] => numbersOf(b);
  /** A failover may take longer than a link waits. Then the link says so, and a later message arrives. */
  const arrives = async (): Promise<void> => {
    const before = sent;
    const sendAnother = (): number => {
      send();
      return came().at(-1) ?? 0;
    };
    await expect.poll(sendAnother, { timeout: 30_000 }).toBeGreaterThan(before);
  };
  await arrives();
  const failOver = (): Promise<unknown> => sentinel.call('sentinel', 'failover', 'main').catch(String);
  // A sentinel has to hear of the replica first.
  await expect.poll(failOver, { timeout: 20_000 }).toBe('OK');
  send();
  await expect.poll(master, { timeout: 15_000 }).toBe(second.port);
  await arrives();
  // Both have left the old master: a newcomer is heard by those who stayed.
  const c = await world.start('c.1');
  c.bus.send('a.1', numbered(7));
  c.bus.flush();
  await until(() => a.heard.includes('c.1: 7'));
  await expect.poll(() => isFollowing(first), { timeout: 20_000 }).toBe(true);
  await second.kill();
  send();
  await expect.poll(master, { timeout: 20_000 }).toBe(first.port);
  await arrives();
  await until(() => came().at(-1) === sent, 20_000);
  const whole = Array.from({ length: sent }, (_, at) => at + 1);
  const isTold = b.heard.some((line) => line.startsWith('hole'));
  expect(came()).toEqual(isTold ? came().toSorted((x, y) => x - y) : whole);
}, 90_000);
