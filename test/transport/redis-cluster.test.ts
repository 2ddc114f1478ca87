import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { readRedisUrl } from '../../src/config/redis-url.ts';
import type { RedisPlace } from '../../src/transport/bus/redis-client.ts';
import { busContract, numbered } from '../contract/bus.contract.ts';
import { RedisCluster } from '../support/redis-cluster.ts';
import { numbersOf, RedisWorld, until, type RedisNode } from '../support/redis-world.ts';

// What a Redis Cluster does in ordinary operation, and drivers do not all survive (ioredis 6.0.0).

let cluster: RedisCluster;
let world: RedisWorld | undefined;
beforeAll(async () => {
  cluster = await RedisCluster.start();
});
afterEach(() => world?.close());
afterAll(() => cluster.stop());

const makeWorld = (): RedisWorld => (world = new RedisWorld(readRedisUrl(cluster.url) as RedisPlace));

busContract('Redis Cluster', makeWorld);

/** Sends numbers until something is over, and then some more. Returns how many were sent. */
async function sendDuring(from: RedisNode, to: string, trouble: () => Promise<void>): Promise<number> {
  let sent = 0;
  let rest = Infinity;
  const over = trouble().finally(() => (rest = 100));
  while (rest-- > 0) {
    if (from.bus.send(to, numbered(sent + 1))) sent++;
    from.bus.flush();
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  await over;
  return sent;
}

/** All that was sent has come, in order, unless the node was told of a hole. */
function expectWhole({ heard, ...node }: RedisNode, sent: number): void {
  const came = numbersOf({ heard, ...node });
  if (heard.some((line) => line.startsWith('hole'))) expect(came).toEqual(came.toSorted((a, b) => a - b));
  else expect(came).toEqual(Array.from({ length: sent }, (_, at) => at + 1));
}

describe('under traffic no message is lost in silence, and no node stays deaf', () => {
  const trouble = async (makeTrouble: (slot: number) => Promise<void>): Promise<void> => {
    const world = makeWorld();
    const [a, b] = [await world.start('a.1'), await world.start('b.1')];
    const slot = await cluster.slotOf('test:inbox:b.1');
    const sent = await sendDuring(a, 'b.1', () => makeTrouble(slot));
    await until(() => numbersOf(b).at(-1) === sent, 30_000);
    expectWhole(b, sent);
    expect([a.carrier.state, b.carrier.state]).toEqual(['up', 'up']);
    await cluster.isWell();
  };

  test('[D13] the slot of an inbox moves to another master, ten times', () =>
    trouble(async (slot) => {
      for (let n = 0; n < 10; n++) {
        await cluster.move(slot);
        await cluster.isWell();
      }
    }));

  test('[D13] a replica takes over for maintenance', () =>
    trouble(async (slot) => {
      const before = await cluster.masterOf(slot);
      await cluster.failOver(slot);
      while ((await cluster.masterOf(slot)) === before)
        await new Promise((resolve) => setTimeout(resolve, 20));
    }));

  test('[D13] the master of an inbox is killed', () =>
    trouble(async (slot) => {
      const master = await cluster.masterOf(slot);
      await master.kill();
      while ((await cluster.masterOf(slot).catch(() => master)) === master)
        await new Promise((resolve) => setTimeout(resolve, 50));
    }));
});
