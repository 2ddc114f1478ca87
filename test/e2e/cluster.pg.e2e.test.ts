import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Frame, TestClient } from '../support/client.ts';
import { createEngine } from '../../src/index.ts';
import { SECRET } from '../support/node-process.ts';
import { CLUSTER_SECRET, Nodes } from '../support/nodes.ts';
import { acked, roomAt, shown } from '../support/talk.ts';

// Nodes as processes, a real Redis and a real PostgreSQL: what a cluster does when a part of it dies.

/** What the last `degraded` named. */
const broken = (client: TestClient): readonly string[] =>
  (client.frames.findLast(({ action }) => action === 'degraded')?.['data'] as Frame | undefined)?.[
    'features'
  ] ?? [];

describe('three nodes', () => {
  let nodes: Nodes;
  beforeAll(async () => {
    nodes = await Nodes.start(['a', 'b', 'c']);
  });
  afterAll(() => nodes.stop());

  test('[D11] the nodes share the channels about evenly', async () => {
    const least = (): Promise<number> => nodes.shares().then(({ a = 0, b = 0, c = 0 }) => Math.min(a, b, c));
    await expect.poll(least, { timeout: 20_000 }).toBeGreaterThan(250);
  });

  test('[DG2] clients of any two nodes chat in one room, in one order', async () => {
    const clients = await Promise.all(nodes.all.map((node, n) => node.connect(`user-${n}`)));
    for (const room of ['one', 'two', 'three', 'four', 'five', 'six']) {
      for (const client of clients)
        expect(await client.request({ type: 'join', room })).toMatchObject({ type: 'ack' });
      const sent = clients.flatMap((client, n) =>
        Array.from({ length: 5 }, (_, m) => acked(client, room, `${room}-${n}-${m}`)),
      );
      await Promise.all(sent);
      for (const client of clients) await client.until(() => shown(client, room).length === 15);
      const [first, ...others] = clients.map((client) => client.chats(room));
      for (const other of others) expect(other).toEqual(first);
    }
    for (const client of clients) await client.close();
  });

  test('[LC3] all nodes agree on who is present, and on who has left', async () => {
    const [ann, bob, cy] = (await Promise.all(
      nodes.all.map((node, n) => node.connect(['ann', 'bob', 'cy'][n] as string)),
    )) as [TestClient, TestClient, TestClient];
    for (const client of [ann, bob, cy]) await client.request({ type: 'join', room: 'who' });
    for (const client of [ann, bob, cy]) {
      const { members } = await client.request({ type: 'presence', room: 'who' });
      expect((members as Frame[]).map(({ user }) => user).toSorted()).toEqual(['ann', 'bob', 'cy']);
    }
    await bob.request({ type: 'leave', room: 'who' });
    for (const client of [ann, cy])
      expect((await client.type('notification', 'left'))['data']).toMatchObject({
        users: ['bob'],
      });
    for (const client of [ann, bob, cy]) await client.close();
  });

  test('[JW4] [JW5] an application that is a node itself removes a member, and ends sessions, on every other within 1 s', async () => {
    const { DATABASE_URL, REDIS_URL } = nodes.environmentOf('app');
    const engine = await createEngine({
      node: 'app',
      port: 0,
      host: '127.0.0.1',
      role: 'edge',
      databaseUrl: DATABASE_URL,
      databaseFsyncOff: 'allow',
      redisUrl: REDIS_URL,
      clusterSecret: CLUSTER_SECRET,
      jwtSecret: SECRET,
      logLevel: 'silent',
    });
    const devices = await Promise.all(nodes.all.map((node) => node.connect('ed')));
    const owner = await nodes.get('c').connect('flo');
    await owner.request({ type: 'create', room: 'strict', access: 'private', members: ['ed'] });
    for (const device of devices)
      expect(await device.request({ type: 'join', room: 'strict' })).toMatchObject({ type: 'ack' });
    let before = performance.now();
    const isRemoved = ({ action, data }: Frame): boolean => action === 'left' && data['reason'] === 'removed';
    const left = Promise.all(devices.map((device) => device.next(isRemoved)));
    await engine.setMember('strict', 'ed', false);
    await left;
    expect(performance.now() - before).toBeLessThan(1_000);
    before = performance.now();
    await engine.revoke({ user: 'ed' });
    for (const device of devices) expect((await device.closed).code).toBe(4502);
    expect(performance.now() - before).toBeLessThan(1_000);
    await owner.close();
    await engine.close();
  });

  test('[DG1] [D11] the home’s node is killed: its rooms go on within 6 s on another, and nothing acked is lost', async () => {
    const [ann, cy] = [await nodes.get('a').connect('ann'), await nodes.get('c').connect('cy')];
    const room = await roomAt(nodes, 'b', ann);
    await cy.request({ type: 'join', room });
    const ids = ['first'];
    for (let n = 0; n < 20; n++) ids.push((await acked(ann, room, `before-${n}`))['id'] as string);
    const killedAt = performance.now();
    await nodes.get('b').kill();
    ids.push((await acked(ann, room, 'after'))['id'] as string);
    expect(performance.now() - killedAt).toBeLessThan(6_000);
    await cy.until(() => shown(cy, room).includes('after'));
    const { messages } = await cy.request({ type: 'history', room, limit: 100 });
    expect((messages as Frame[]).map(({ id }) => id)).toEqual(ids);
    expect(await nodes.homeOf(`room:${room}`)).not.toBe('b');
    await nodes.add('b');
    // Shards come back once the nodes have been the same for a while.
    await expect
      .poll(() => nodes.shares().then((shares) => shares['b'] ?? 0), { timeout: 20_000 })
      .toBeGreaterThan(200);
    await acked(ann, room, 'moved-back');
    await cy.until(() => shown(cy, room).includes('moved-back'));
    for (const client of [ann, cy]) await client.close();
  });

  test('[D12] [D14] Redis dies and comes back empty: nodes are ready and degraded, clients read on, nothing is lost', async () => {
    const [ann, cy] = [await nodes.get('a').connect('ann'), await nodes.get('c').connect('cy')];
    const room = await roomAt(nodes, 'a', ann);
    await cy.request({ type: 'join', room });
    await nodes.redis.kill();
    const ready = async (name: string): Promise<unknown> =>
      (await fetch(`http://127.0.0.1:${nodes.get(name).adminPort}/readyz`)).json();
    await expect
      .poll(() => ready('c'), { timeout: 10_000 })
      .toEqual({ status: 'ready', degraded: ['cluster'] });
    // Both hear of it, the one who was there and the one who comes.
    const late = await nodes.get('c').connect('late');
    for (const client of [cy, late]) await client.until(() => broken(client).includes('cluster'));
    // The home is on the node of the sender.
    await acked(ann, room, 'alone');
    await cy.until(() => shown(cy, room).includes('alone'));
    // The home is elsewhere.
    expect(await cy.request({ type: 'chat', room, id: 'cut', content: 'cut' })).toMatchObject({
      code: 'unavailable',
    });
    await nodes.redis.restart();
    await acked(cy, room, 'again');
    for (const client of [cy, late]) await client.until(() => broken(client).length === 0);
    await late.close();
    for (const client of [ann, cy]) await client.until(() => shown(client, room).includes('again'));
    expect(await ready('c')).toEqual({ status: 'ready' });
    expect(shown(cy, room)).toEqual(shown(ann, room).slice(1));
    for (const client of [ann, cy]) await client.close();
  });

  test('[D15] a node drains: its homes move first, and its clients lose nothing', async () => {
    const [ann, bob] = [await nodes.get('a').connect('ann'), await nodes.get('b').connect('bob')];
    const room = await roomAt(nodes, 'b', ann);
    await bob.request({ type: 'join', room });
    const ids: string[] = [];
    const leaving = nodes.get('b').terminate();
    const end = new AbortController();
    const talk = (async () => {
      for (let n = 0; !end.signal.aborted; n++)
        ids.push((await acked(ann, room, `talk-${n}`))['id'] as string);
    })();
    const ended = await leaving;
    end.abort();
    await talk;
    expect(ended.code).toBe(0);
    expect((await bob.closed).code).toBe(4003);
    expect(await nodes.shares()).not.toHaveProperty('b');
    await ann.until(() => shown(ann, room).length >= ids.length + 1);
    expect(shown(ann, room)).toEqual(['first', ...ids]);
    await ann.close();
  });

  // A process is declared dead after 3 s without a beat.
  test('[DG1] [DG5] [D11] a node stands still for three leases: it changes no channel that others have claimed, and ends; its clients lose nothing', async () => {
    const stopped = nodes.get('c');
    await expect.poll(() => nodes.shares().then(({ c = 0 }) => c), { timeout: 20_000 }).toBeGreaterThan(200);
    const [ann, bob] = [await nodes.get('a').connect('ann'), await stopped.connect('bob')];
    const room = await roomAt(nodes, 'c', ann);
    await bob.request({ type: 'join', room });
    // More than the node stores at once: it stops with messages that it has accepted and not stored.
    const sent = Array.from({ length: 1_000 }, (_, n) => `m-${n}`);
    for (const id of sent) bob.send({ type: 'chat', room, id, content: id });
    await bob.type('ack');
    stopped.child.kill('SIGSTOP');
    // Nothing shows that it has been dead for so long.
    const threeLeases = sleep(9_000);
    const stoppedAt = performance.now();
    await acked(ann, room, 'meanwhile');
    expect(performance.now() - stoppedAt).toBeLessThan(6_000);
    expect(await nodes.homeOf(`room:${room}`)).not.toBe('c');
    const claimed = await nodes.stateOf(`room:${room}`);
    // These wait in the socket, too.
    const late = Array.from({ length: 20 }, (_, n) => `late-${n}`);
    for (const id of late) bob.send({ type: 'chat', room, id, content: id });
    await threeLeases;
    stopped.child.kill('SIGCONT');
    const { code, stderr } = await stopped.ended;
    expect(code).toBe(1);
    expect(stderr).toContain('this process did not renew its lease in time');
    expect(await nodes.stateOf(`room:${room}`)).toEqual(claimed);
    await bob.closed;
    const again = await nodes.get('a').connect('bob');
    await again.request({ type: 'resume', channels: { [`room:${room}`]: 1 } });
    await again.until(() => shown(again, room).includes('meanwhile'));
    const kept = shown(again, room);
    expect(kept.length).toBeLessThan(sent.length);
    const acks = bob.frames.flatMap(({ type, id }) =>
      type === 'ack' && sent.includes(id as string) ? [id] : [],
    );
    expect(kept).toEqual(expect.arrayContaining(acks));
    // As an SDK does, without knowing which of them are stored.
    await Promise.all([...sent, ...late].map((id) => acked(again, room, id)));
    await ann.until(() => shown(ann, room).length >= sent.length + late.length + 2);
    expect(shown(ann, room).toSorted()).toEqual(['first', 'meanwhile', ...sent, ...late].toSorted());
    for (const client of [ann, again]) await client.close();
  });
});
