import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { readRedisUrl } from '../../src/config/redis-url.ts';
import type { RedisPlace } from '../../src/transport/bus/redis-client.ts';
import { busContract, numbered } from '../contract/bus.contract.ts';
import { startRedis, type RedisServer } from '../support/redis-server.ts';
import { numbersOf, RedisWorld, until, type RedisNode } from '../support/redis-world.ts';

let redis: RedisServer;
let world: RedisWorld | undefined;
beforeAll(async () => {
  redis = await startRedis();
});
afterEach(() => world?.close());
afterAll(() => redis.stop());

const place = (url: string): RedisPlace => readRedisUrl(url) as RedisPlace;
const makeWorld = (url = redis.url): RedisWorld => (world = new RedisWorld(place(url)));

busContract('Redis', () => makeWorld());

const send = (from: RedisNode, to: string, n: number): boolean => {
  const isSent = from.bus.send(to, numbered(n));
  from.bus.flush();
  return isSent;
};

const upTo = (n: number): number[] => Array.from({ length: n }, (_, at) => at + 1);

describe('a link over Redis', () => {
  test('[D13] connections that are cut lose nothing, and change no order', async () => {
    const world = makeWorld();
    const [a, b] = [await world.start('a.1'), await world.start('b.1')];
    for (let n = 1; n <= 400; n++) {
      send(a, 'b.1', n);
      if (n % 40 === 0) await redis.call('client', 'kill', 'type', 'pubsub');
    }
    await until(() => numbersOf(b).length >= 400);
    expect(numbersOf(b)).toEqual(upTo(400));
    expect(b.heard.filter((line) => line.startsWith('hole'))).toEqual([]);
  });

  test('[D13] Redis restarts empty: what was sent meanwhile arrives', async () => {
    const world = makeWorld();
    const [a, b] = [await world.start('a.1'), await world.start('b.1')];
    send(a, 'b.1', 1);
    await until(() => numbersOf(b).length === 1);
    await redis.kill();
    send(a, 'b.1', 2);
    await redis.restart();
    await until(() => numbersOf(b).length === 2);
    expect(numbersOf(b)).toEqual([1, 2]);
  });

  test('[D13] a node whose subscription is gone mends itself, and says meanwhile that it is deaf', async () => {
    const world = makeWorld();
    const [a, b] = [await world.start('a.1'), await world.start('b.1')];
    // The server forgets the subscription and the connection stays: what a driver does not see.
    await redis.call('acl', 'setuser', 'default', 'resetchannels');
    await until(() => b.carrier.state === 'deaf' || b.carrier.state === 'away');
    expect(send(b, 'a.1', 1)).toBe(false);
    await redis.call('acl', 'setuser', 'default', 'allchannels');
    await until(() => a.carrier.state === 'up' && b.carrier.state === 'up');
    expect(send(b, 'a.1', 2)).toBe(true);
    // The one that was refused is never sent, and the other node learns that something is missing.
    await until(() => numbersOf(a).length === 1);
    expect(a.heard).toEqual(['hole b.1', 'b.1: 2']);
    expect(b.told.lines.filter((line) => line.includes('Redis lost'))).toHaveLength(1);
  });

  test('[D13] Redis hangs: calls end by their deadline, and everything goes on afterwards', async () => {
    const world = makeWorld();
    const [a, b] = [await world.start('a.1'), await world.start('b.1')];
    redis.process.kill('SIGSTOP');
    send(a, 'b.1', 1);
    await until(() => a.carrier.state === 'away');
    redis.process.kill('SIGCONT');
    await until(() => a.carrier.state === 'up' && b.carrier.state === 'up');
    await until(() => numbersOf(b).length === 1);
    send(a, 'b.1', 2);
    await until(() => numbersOf(b).length === 2);
    expect(numbersOf(b)).toEqual([1, 2]);
  });
});

describe('what does not belong in an inbox', () => {
  const publish = (node: string, text: string): Promise<unknown> =>
    redis.call('publish', `test:inbox:${node}`, text);

  test('[RC4] forged, cut and other texts are refused and counted; a repeated one is taken once', async () => {
    const world = makeWorld();
    const [a, b] = [await world.start('a.1'), await world.start('b.1')];
    const texts: string[] = [];
    const spy = await world.start('spy.1');
    const forger = await world.start('c.1', 'another secret, which is of 32 bytes too');
    // What a node has sent to another, as whoever can listen to Redis has it.
    const { Redis } = await import('ioredis');
    const listener = new Redis(redis.port, '127.0.0.1');
    await listener.subscribe('test:inbox:b.1');
    listener.on('message', (_, text: string) => texts.push(text));
    send(a, 'b.1', 1);
    await until(() => numbersOf(b).length === 1);
    const sealed = texts.find((text) => text.includes(' a.1 b.1 ')) as string;
    await publish('b.1', sealed);
    await publish('b.1', sealed.slice(0, -1));
    await publish('b.1', 'hello');
    await publish('spy.1', sealed);
    send(forger, 'b.1', 7);
    const counted = (node: RedisNode, why: string): number =>
      node.told.counts.get(`link_refused_${why}`) ?? 0;
    await until(() => counted(b, 'forged') >= 3 && counted(spy, 'misdirected') >= 1);
    send(a, 'b.1', 2);
    await until(() => numbersOf(b).length === 2);
    expect(numbersOf(b)).toEqual([1, 2]);
    expect(b.told.lines.filter((line) => line.includes('VAGUS_CLUSTER_SECRET'))).toHaveLength(1);
    listener.disconnect();
  });

  test('[D13] a process that no lease names is not heard, and is once one does', async () => {
    const world = makeWorld();
    const [a, b] = [await world.start('a.1'), await world.start('b.1')];
    b.bus.know([]);
    send(a, 'b.1', 1);
    await until(() => (b.told.counts.get('link_refused_unknown') ?? 0) >= 2);
    expect(b.heard).toEqual([]);
    b.bus.know(['a.1']);
    await until(() => numbersOf(b).length === 1);
  });
});

describe('a Redis that a node cannot use', () => {
  test('a wrong password is one clear line', async () => {
    const guarded = await startRedis({ requirepass: 'right' });
    const world = makeWorld(`redis://:wrong@127.0.0.1:${guarded.port}`);
    const starting = world.start('a.1').catch(() => {});
    const node = (): RedisNode => world.node('a.1');
    await until(() => node().told.lines.length > 0);
    expect(node().told.lines[0]).toMatch(/^error Redis refuses this node: check REDIS_URL .*WRONGPASS/);
    world.close();
    await guarded.stop();
    void starting;
  });

  test('a replica is said to be one', async () => {
    const replica = await startRedis({ replicaof: `127.0.0.1 ${redis.port}` });
    const node = await makeWorld(replica.url).start('a.1');
    await until(() => node.told.lines.some((line) => line.startsWith('error Redis is a read-only replica')));
    await replica.stop();
  });
});
