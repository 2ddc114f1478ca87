import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CLOSE_CODES, shouldReconnect } from '../../src/protocol/codes.ts';
import type { TestClient } from '../support/client.ts';
import { TestEngine } from '../support/engine.ts';

/** A heartbeat of 600 ms: pinged after 400, suspect after 600, dead after 1,800. */
const HEARTBEAT = { heartbeatIntervalMs: 600, heartbeatTimeoutMs: 1_800, graceMs: 500 };

let node: TestEngine;
beforeAll(async () => {
  node = await TestEngine.start(HEARTBEAT);
});
afterAll(() => node.stop());

let rooms = 0;
const newRoom = (): string => `l${++rooms}`;

async function muteIn(user: string, room: string): Promise<TestClient> {
  const client = await node.connect(user, { isMute: true });
  await client.request({ type: 'join', room });
  return client;
}

/** Keeps a client alive for as long as the test runs. */
function keepAlive(client: TestClient): void {
  const timer = setInterval(
    () =>
      client.ws.readyState === client.ws.OPEN
        ? client.send({ type: 'heartbeat', status: 'pong' })
        : clearInterval(timer),
    100,
  );
}

describe('[LC2] a connection', () => {
  test('[PU3] is pinged after two thirds of the interval without a frame, by frame and by protocol', async () => {
    const client = await node.connect('ann', { isMute: true });
    let pings = 0;
    client.ws.on('ping', () => pings++);
    await client.fence();
    const started = performance.now();
    expect(await client.next((frame) => frame['status'] === 'ping')).toEqual({
      type: 'heartbeat',
      status: 'ping',
      timestamp: expect.any(String),
    });
    const after = performance.now() - started;
    expect(after).toBeGreaterThanOrEqual(390);
    expect(after).toBeLessThan(590);
    await expect.poll(() => pings).toBe(1);
    client.terminate();
  });

  test('[LC2] suspect after the interval, dead with 4001 after the timeout', async () => {
    const room = newRoom();
    const watcher = await node.join('eve', room);
    keepAlive(watcher);
    const silent = await muteIn('ann', room);
    const started = performance.now();
    const closed = silent.closed.then((close) => ({ ...close, after: performance.now() - started }));
    const suspect = await watcher.type('notification', 'presence');
    const suspectAfter = performance.now() - started;
    expect(suspect).toEqual({
      type: 'notification',
      action: 'presence',
      room,
      data: { user: 'ann', state: 'suspect', since: expect.any(String) },
    });
    expect(suspectAfter).toBeGreaterThanOrEqual(590);
    expect(suspectAfter).toBeLessThan(1_200);
    const { code, reason, after } = await closed;
    expect({ code, reason }).toEqual({ code: 4001, reason: 'heartbeat_timeout' });
    expect(after).toBeGreaterThanOrEqual(1_790);
    expect(after).toBeLessThan(2_600);
    // Dead of the timeout: no grace (LC3).
    const left = await watcher.type('notification', 'left');
    expect(left).toMatchObject({ room, data: { users: ['ann'] } });
  });

  test('[LC2] back to alive on any sign of life', async () => {
    const room = newRoom();
    const watcher = await node.join('eve', room);
    keepAlive(watcher);
    const client = await muteIn('ann', room);
    expect((await watcher.type('notification', 'presence'))['data']).toMatchObject({
      user: 'ann',
      state: 'suspect',
    });
    client.ws.pong();
    expect((await watcher.type('notification', 'presence'))['data']).toMatchObject({
      user: 'ann',
      state: 'alive',
    });
    expect((await watcher.type('notification', 'presence'))['data']).toMatchObject({
      user: 'ann',
      state: 'suspect',
    });
    client.send({ type: 'heartbeat', status: 'pong' });
    expect((await watcher.type('notification', 'presence'))['data']).toMatchObject({
      user: 'ann',
      state: 'alive',
    });
    expect(watcher.notifications('left')).toEqual([]);
    client.terminate();
  });

  test('[LC2] frames keep it alive without a ping', async () => {
    const client = await node.connect('ann', { isMute: true });
    for (let n = 0; n < 10; n++) {
      await client.fence();
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    expect(client.frames.filter((frame) => frame['status'] === 'ping')).toEqual([]);
    client.terminate();
  });

  test('[PU3] [LC2] of a client that has sent heartbeats, pongs say nothing: its page may be frozen', async () => {
    const room = newRoom();
    const watcher = await node.join('eve', room);
    keepAlive(watcher);
    // Its machine answers every protocol ping, as that of a page in a back/forward cache does.
    const frozen = await node.join('ann', room);
    await frozen.fence();
    expect((await watcher.type('notification', 'presence'))['data']).toMatchObject({
      user: 'ann',
      state: 'suspect',
    });
    expect(await frozen.closed).toEqual({ code: 4001, reason: 'heartbeat_timeout' });
    expect(await watcher.type('notification', 'left')).toMatchObject({ room, data: { users: ['ann'] } });
  });

  test('[LC2] a client that answers pings lives on', async () => {
    const client = await node.connect('ann');
    for (let n = 0; n < 4; n++) await client.next((frame) => frame['status'] === 'ping');
    expect(client.ws.readyState).toBe(client.ws.OPEN);
    client.terminate();
  });
});

describe('[LC3] a user', () => {
  test('[LC3] [PU2] joins with the first device and leaves with the last one', async () => {
    const room = newRoom();
    const watcher = await node.join('eve', room);
    keepAlive(watcher);
    const [phone, laptop] = [await node.join('ann', room), await node.join('ann', room)];
    expect(await watcher.type('notification', 'joined')).toEqual({
      type: 'notification',
      action: 'joined',
      room,
      data: { users: ['ann'] },
    });
    await phone.close();
    await watcher.request({ type: 'presence', room });
    await laptop.request({ type: 'leave', room });
    expect(await watcher.type('notification', 'left')).toEqual({
      type: 'notification',
      action: 'left',
      room,
      data: { users: ['ann'] },
    });
    expect(
      [watcher.notifications('joined'), watcher.notifications('left')].map((found) => found.length),
    ).toEqual([1, 1]);
    expect([...phone.notifications('joined'), ...laptop.notifications('joined')]).toEqual([]);
    laptop.terminate();
  });

  test('[LC3] a connection lost without a clean close is suspect for the grace, then gone', async () => {
    const room = newRoom();
    const watcher = await node.join('eve', room);
    keepAlive(watcher);
    const client = await node.join('ann', room);
    await watcher.type('notification', 'joined');
    const started = performance.now();
    client.terminate();
    expect((await watcher.type('notification', 'presence'))['data']).toMatchObject({
      user: 'ann',
      state: 'suspect',
    });
    expect(await watcher.request({ type: 'presence', room })).toMatchObject({
      members: [{ user: 'ann', state: 'suspect', devices: 0 }, { user: 'eve' }],
    });
    await watcher.type('notification', 'left');
    expect(performance.now() - started).toBeGreaterThanOrEqual(490);
    expect(await watcher.request({ type: 'presence', room })).toMatchObject({
      members: [{ user: 'eve' }],
      total: 1,
    });
  });

  test('[LC3] a reconnect inside the grace shows no left and no joined', async () => {
    const room = newRoom();
    const watcher = await node.join('eve', room);
    keepAlive(watcher);
    const client = await node.join('ann', room);
    await watcher.type('notification', 'joined');
    client.terminate();
    await watcher.type('notification', 'presence');
    const again = await node.connect('ann');
    await again.request({ type: 'resume', channels: { [`room:${room}`]: 0 } });
    keepAlive(again);
    expect((await watcher.type('notification', 'presence'))['data']).toMatchObject({
      user: 'ann',
      state: 'alive',
    });
    // Long enough for the grace to have ended, had it gone on.
    await new Promise((resolve) => setTimeout(resolve, 900));
    expect(
      [watcher.notifications('joined'), watcher.notifications('left')].map((found) => found.length),
    ).toEqual([1, 0]);
    again.terminate();
  });

  test('[LC3] a clean close gets no grace', async () => {
    const room = newRoom();
    const watcher = await node.join('eve', room);
    keepAlive(watcher);
    const client = await node.join('ann', room);
    await watcher.type('notification', 'joined');
    await client.close(1000);
    await watcher.type('notification', 'left');
    expect(watcher.notifications('presence')).toEqual([]);
  });

  test('[PU2] joins are gathered: many at once are one frame, without the own one', async () => {
    const room = newRoom();
    const watcher = await node.join('eve', room);
    keepAlive(watcher);
    const clients = await Promise.all(['a', 'b', 'c', 'd'].map((user) => node.connect(user)));
    for (const client of clients) await client.request({ type: 'join', room });
    expect((await watcher.type('notification', 'joined'))['data']).toEqual({ users: ['a', 'b', 'c', 'd'] });
    // Who came in between is told of those after it; the others it finds there.
    expect((await clients[1]?.type('notification', 'joined'))?.['data']).toEqual({ users: ['c', 'd'] });
    for (const client of clients) client.terminate();
  });

  test('[PU2] a user who joins and leaves within a moment is reported as joined, then as left', async () => {
    const room = newRoom();
    const watcher = await node.join('eve', room);
    keepAlive(watcher);
    const guest = await node.connect('ann');
    await guest.request({ type: 'join', room });
    await guest.request({ type: 'leave', room });
    const told = async (): Promise<unknown> => {
      const frame = await watcher.next(({ action }) => action === 'joined' || action === 'left');
      return [frame['action'], frame['data'].users];
    };
    expect([await told(), await told()]).toEqual([
      ['joined', ['ann']],
      ['left', ['ann']],
    ]);
    await guest.request({ type: 'join', room });
    expect(await told()).toEqual(['joined', ['ann']]);
    // He who goes and comes, with somebody else behind him: told of that one alone.
    await guest.request({ type: 'leave', room });
    await guest.request({ type: 'join', room });
    const other = await node.join('ben', room);
    expect([await told(), await told()]).toEqual([
      ['left', ['ann']],
      ['joined', ['ann', 'ben']],
    ]);
    expect((await guest.type('notification', 'joined'))['data']).toEqual({ users: ['ben'] });
    expect(guest.notifications('left')).toEqual([]);
    other.terminate();
    guest.terminate();
  });
});

describe('[LC4] a room', () => {
  test('[LC4] without members and messages the home is passivated; the next message starts a new generation', async () => {
    const idle = await TestEngine.start({ roomIdleMs: 400 });
    const metrics = async (): Promise<string> =>
      (await fetch(`http://127.0.0.1:${idle.engine.adminPort}/metrics`)).text();
    const client = await idle.connect('ann');
    await client.request({ type: 'chat', room: 'idle', content: 'one' });
    expect(await metrics()).toContain('vagus_actors{kind="room"} 1');
    await expect.poll(metrics, { timeout: 5_000 }).not.toContain('vagus_actors{kind="room"}');
    expect(await client.request({ type: 'chat', room: 'idle', content: 'two' })).toMatchObject({ seq: 2 });
    const [row] = await idle.database.query(`select epoch from vagus.channels where channel = 'room:idle'`);
    expect(row).toEqual({ epoch: '2' });
    await idle.stop();
  });

  test('[LC4] a present user keeps it alive', async () => {
    const idle = await TestEngine.start({ roomIdleMs: 300 });
    const client = await idle.join('ann', 'used');
    await client.request({ type: 'chat', room: 'used', content: 'one' });
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    await client.request({ type: 'chat', room: 'used', content: 'two' });
    const [row] = await idle.database.query(`select epoch from vagus.channels where channel = 'room:used'`);
    expect(row).toEqual({ epoch: '1' });
    await idle.stop();
  });
});

test('[LC1] when everyone has left, actors and timers are gone', async () => {
  const empty = await TestEngine.start({ roomIdleMs: 300, graceMs: 200 });
  const clients = await Promise.all(Array.from({ length: 20 }, (_, n) => empty.connect(`u${n}`)));
  for (const client of clients) {
    await client.request({ type: 'join', room: 'a' });
    await client.request({ type: 'join', room: `own-${client.frames.length}` });
    await client.request({ type: 'chat', room: 'a', content: 'x' });
  }
  for (const client of clients) client.terminate();
  const actors = async (): Promise<string[]> => {
    const text = await (await fetch(`http://127.0.0.1:${empty.engine.adminPort}/metrics`)).text();
    return text
      .split('\n')
      .filter(
        (line) =>
          line.startsWith('vagus_actors{') ||
          line.startsWith('vagus_timers ') ||
          line.startsWith('vagus_asks '),
      )
      .toSorted();
  };
  // What stays is what a node has one of: the watch over sessions and the canary have a timer each.
  await expect
    .poll(actors, { timeout: 8_000 })
    .toEqual([
      'vagus_actors{kind="canary"} 1',
      'vagus_actors{kind="directory"} 1',
      'vagus_actors{kind="lease"} 1',
      'vagus_actors{kind="log"} 1',
      'vagus_actors{kind="sessions"} 1',
      'vagus_asks 0',
      'vagus_timers 4',
    ]);
  await empty.stop();
});

describe('[CL1] close codes', () => {
  test('[CL1] the code says what a client does', () => {
    const all = Array.from({ length: 4_000 }, (_, at) => at + 1_000);
    const back = new Set([
      1001,
      1005,
      1006,
      1011,
      1012,
      1013,
      1014,
      1015,
      ...all.filter((code) => code >= 4_000 && code < 4_500),
    ]);
    expect(all.filter(shouldReconnect)).toEqual(all.filter((code) => back.has(code)));
  });
  test('[CL2] the codes of the protocol', () => {
    expect(CLOSE_CODES).toMatchObject({
      heartbeat_timeout: 4001,
      slow_consumer: 4002,
      draining: 4003,
      overloaded: 4004,
      token_expired: 4005,
      unauthorized: 4501,
      session_revoked: 4502,
      too_many_bad_frames: 4503,
      rate_abuse: 4504,
    });
  });
});
