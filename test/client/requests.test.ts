import { describe, expect, test } from 'vitest';
import { answers, ClientWorld } from '../support/client-world.ts';

// What is asked: answered exactly once.

describe('requests', () => {
  test('each has its frame and its answer', () => {
    const world = new ClientWorld();
    world.inRoom();
    const { done, results } = answers<unknown>();
    const { core } = world;
    core.history({ room: 'lobby', before: 9, limit: 2 }, done);
    core.presence('lobby', { after: 'bob' }, done);
    core.rooms({ limit: 3 }, done);
    core.create({ room: 'den', access: 'private', members: ['bob'] }, done);
    core.refresh('token-2', done);
    const [history, presence, rooms, create, refresh] = world.end.frames as Record<string, unknown>[];
    expect(history).toMatchObject({ type: 'history', room: 'lobby', before: 9, limit: 2 });
    expect(presence).toMatchObject({ type: 'presence', room: 'lobby', after: 'bob' });
    expect(rooms).toMatchObject({ type: 'rooms', limit: 3 });
    expect(create).toMatchObject({ type: 'create', room: 'den', access: 'private', members: ['bob'] });
    expect(refresh).toMatchObject({ type: 'refresh', token: 'token-2' });
    const { end } = world;
    end.push({ type: 'rooms', id: rooms?.['id'], rooms: [], more: false });
    end.push({ type: 'presence', id: presence?.['id'], room: 'lobby', members: [], total: 0, more: false });
    end.push({ type: 'history', id: history?.['id'], channel: 'room:lobby', messages: [], more: true });
    end.push({ type: 'ack', id: create?.['id'], room: 'den' });
    end.push({ type: 'ack', id: refresh?.['id'], expiresAt: 'later' });
    expect(results).toEqual(
      [
        { rooms: [], more: false },
        { room: 'lobby', members: [], total: 0, more: false },
        { channel: 'room:lobby', messages: [], more: true },
        { room: 'den' },
        { expiresAt: 'later' },
      ].map((value) => ({ ok: true, value })),
    );
    world.again();
    expect(world.end.protocols[1]).toBe('bearer.token-2');
  });

  test('no answer in 10 s is unavailable, and a late one is not heard', () => {
    const world = new ClientWorld();
    world.up();
    const { done, codes } = answers();
    world.core.rooms({}, done);
    world.pass(9_999);
    expect(codes()).toEqual([]);
    world.pass(1);
    expect(codes()).toEqual(['unavailable']);
    world.end.push({ type: 'rooms', id: world.end.take('rooms')['id'], rooms: [], more: false });
    expect(codes()).toHaveLength(1);
  });

  test('requests on a lost connection fail; requests that wait for a connection go out on the next', () => {
    const world = new ClientWorld();
    world.up();
    const [one, two] = [answers(), answers()];
    world.core.rooms({}, one.done);
    world.end.close();
    expect(one.codes()).toEqual(['unavailable']);
    world.core.rooms({}, two.done);
    world.rest();
    world.end.welcome();
    world.end.refuse(world.end.take('rooms'), 'rate_limited', 5);
    expect(two.results).toEqual([
      { ok: false, error: { code: 'rate_limited', message: 'rate_limited', retryAfterMs: 5 } },
    ]);
  });

  test('an answer that is none is bad_server_frame', () => {
    const world = new ClientWorld();
    world.up();
    const { done, codes } = answers();
    world.core.rooms({}, done);
    world.end.push({ type: 'rooms', id: world.end.take('rooms')['id'], rooms: [{ room: 7 }], more: false });
    expect(codes()).toEqual(['bad_server_frame']);
    expect(world.events('error')).toHaveLength(1);
  });

  test('a thousand may wait', () => {
    const world = new ClientWorld();
    const { done, codes } = answers();
    for (let at = 0; at <= 1_000; at++) world.core.rooms({}, done);
    expect(codes()).toEqual(['queue_full']);
    world.pass(10_000);
    expect(codes()).toHaveLength(1_001);
  });

  test('[RQ5] a signal is handed over or refused at once', () => {
    const world = new ClientWorld();
    const { done, codes } = answers();
    world.core.signal('lobby', { typing: true }, done);
    world.inRoom();
    world.core.signal('lobby', { typing: true }, done);
    world.core.signal('lobby', 'x'.repeat(4_094), done);
    world.core.signal('lobby', 'x'.repeat(4_095), done);
    world.core.signal('lobby', undefined, done);
    expect(codes()).toEqual(['not_joined', 'ok', 'ok', 'bad_frame', 'bad_frame']);
    expect(world.end.take('signal')).toEqual({ type: 'signal', room: 'lobby', data: { typing: true } });
  });

  test('[JW3] before a token is over its source is asked, and the connection stays', () => {
    const tokens = ['one', 'two'];
    const world = new ClientWorld({ token: (done) => done(tokens.shift()) });
    world.up({ time: '2026-02-28T23:30:00.000Z', expiresAt: '2026-03-01T00:30:00.000Z' });
    const alive = (ms: number): void => {
      for (let at = 0; at < ms; at += 20_000) {
        world.pass(20_000);
        world.end.push({ type: 'heartbeat', status: 'ping', timestamp: 't' });
      }
    };
    alive(47 * 60_000);
    expect(world.end.has('refresh')).toBe(false);
    alive(60_000);
    const refresh = world.end.take('refresh');
    expect(refresh['token']).toBe('two');
    world.end.ack(refresh, { expiresAt: '2026-03-01T01:30:00.000Z' });
    world.again();
    expect(world.end.protocols[1]).toBe('bearer.two');
  });
});
