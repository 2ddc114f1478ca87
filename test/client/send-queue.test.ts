import { describe, expect, test } from 'vitest';
import { answers, ClientWorld, type ServerEnd } from '../support/client-world.ts';

// What is sent: answered once, stored once, in order.

const AT = '2026-01-01T00:00:00.000Z';

const stored = (end: ServerEnd, seq: number, more: object = {}): Record<string, unknown> => {
  const chat = end.take('chat');
  end.ack(chat, { room: chat['room'], seq, timestamp: AT, ...more });
  return chat;
};

const contents = (end: ServerEnd): string[] =>
  end.frames.filter(({ type }) => type === 'chat').map(({ content }) => content as string);

const send = (world: ClientWorld, content: string, room = 'lobby'): ReturnType<typeof answers> => {
  const answer = answers();
  world.core.send(room, content, {}, answer.done);
  return answer;
};

/** Three attempts that came to nothing. */
const unreachable = (world: ClientWorld): void => {
  for (let at = 0; at < 3; at++) {
    world.end.close();
    world.probes.shift()?.done(undefined);
    if (at < 2) world.rest();
  }
};

describe('on a socket', () => {
  test('[RQ4] an id is made, and the ack is the answer', () => {
    const world = new ClientWorld();
    world.up();
    const { done, results } = answers();
    world.core.send('lobby', 'hi', { data: { a: 1 }, timestamp: AT }, done);
    const chat = stored(world.end, 7, { duplicate: true });
    expect(chat).toEqual({
      type: 'chat',
      id: 'id-1',
      room: 'lobby',
      content: 'hi',
      data: { a: 1 },
      timestamp: AT,
    });
    expect(results).toEqual([
      { ok: true, value: { id: 'id-1', room: 'lobby', seq: 7, timestamp: AT, duplicate: true } },
    ]);
  });

  test('[DG7] messages without an answer go out again on the next connection: in order, with the same ids', () => {
    const world = new ClientWorld();
    const all = ['a', 'b', 'c', 'd'].map((content) => send(world, content));
    world.up();
    const ids = world.end.frames.map(({ id }) => id);
    stored(world.end, 1);
    world.again();
    world.up();
    expect(world.end.frames.map(({ id }) => id)).toEqual(ids.slice(1));
    expect(contents(world.end)).toEqual(['b', 'c', 'd']);
    for (const seq of [2, 3, 4]) stored(world.end, seq);
    expect(all.map(({ codes }) => codes())).toEqual([['ok'], ['ok'], ['ok'], ['ok']]);
  });

  test('acks in any order are the answers of their messages', () => {
    const world = new ClientWorld();
    world.up();
    const all = ['a', 'b', 'c'].map((content) => send(world, content));
    for (const chat of world.end.frames.splice(0).toReversed())
      world.end.ack(chat, { room: 'lobby', seq: chat['content'].charCodeAt(0), timestamp: AT });
    expect(all.map(({ results }) => (results[0] as any).value.seq)).toEqual([97, 98, 99]);
  });

  test.each(['forbidden', 'not_found', 'gone', 'bad_frame', 'internal'])('%s is the answer', (code) => {
    const world = new ClientWorld();
    world.up();
    const { codes } = send(world, 'hi');
    world.end.refuse(world.end.take('chat'), code);
    expect(codes()).toEqual([code]);
  });

  test.each(['unavailable', 'outcome_unknown'])('%s holds up the room, not the others', (code) => {
    const world = new ClientWorld();
    world.up();
    const first = send(world, 'a');
    world.end.refuse(world.end.take('chat'), code, 2_000);
    send(world, 'b');
    send(world, 'x', 'den');
    expect(contents(world.end)).toEqual(['x']);
    world.pass(2_000);
    expect(contents(world.end)).toEqual(['x', 'a', 'b']);
    stored(world.end, 1);
    stored(world.end, 1);
    expect(first.codes()).toEqual(['ok']);
  });

  test('[LM2] rate_limited holds up all; then one at a time, at the rate that is allowed', () => {
    const world = new ClientWorld();
    world.up({ limits: { messagesPerMinute: 60 } });
    for (const content of ['a', 'b', 'c', 'd']) send(world, content);
    for (const chat of world.end.frames.splice(0)) world.end.refuse(chat, 'rate_limited', 800);
    expect(contents(world.end)).toEqual([]);
    world.pass(800);
    expect(contents(world.end)).toEqual(['a']);
    stored(world.end, 1);
    expect(contents(world.end)).toEqual([]);
    world.pass(999);
    expect(contents(world.end)).toEqual([]);
    world.pass(1);
    expect(contents(world.end)).toEqual(['b']);
  });

  test('[LM2] a rate limit is reported once when it begins: how long, how often messages go then; and when it ends', () => {
    const world = new ClientWorld();
    world.up({ limits: { messagesPerMinute: 60 } });
    for (const content of ['a', 'b', 'c']) send(world, content);
    // They differ by what passed between them.
    const chats = world.end.frames.splice(0);
    for (const [at, chat] of chats.entries()) world.end.refuse(chat, 'rate_limited', 800 + at);
    expect(world.events('slowed')).toEqual([{ retryAfterMs: 800, everyMs: 1_000 }]);
    for (const seq of [1, 2]) {
      while (!world.end.has('chat')) world.pass(1);
      stored(world.end, seq);
      expect(world.events('slowed').slice(seq)).toEqual([{ retryAfterMs: 1_000, everyMs: 1_000 }]);
    }
    world.pass(1_000);
    expect(world.events('slowed')).toHaveLength(3);
    stored(world.end, 3);
    expect(world.events('slowed').slice(3)).toEqual([{}]);
    send(world, 'd');
    stored(world.end, 4);
    expect(world.events('slowed')).toHaveLength(4);
  });

  test('[LM2] the end of a rate limit is reported, too, when the messages that it held back time out', () => {
    const world = new ClientWorld({ sendTimeoutMs: 10_000 });
    world.up();
    send(world, 'a');
    world.end.refuse(world.end.take('chat'), 'rate_limited', 20_000);
    expect(world.events('slowed')).toEqual([{ retryAfterMs: 20_000, everyMs: 1_000 }]);
    world.pass(10_000);
    expect(world.events('slowed').slice(1)).toEqual([{}]);
  });

  test('[LM2] a listener of `slowed` may close everything: nothing is sent, and no timer is left', () => {
    const world = new ClientWorld();
    world.up();
    const answer = send(world, 'a');
    world.core.on('slowed', () => world.core.close());
    world.end.refuse(world.end.take('chat'), 'rate_limited', 800);
    expect(answer.codes()).toEqual(['closed']);
    expect(world.timers.size).toBe(0);
    expect(world.events('slowed').at(-1)).toEqual({});
  });

  test('an application’s own rate_limited, which names no time, holds up its room alone, longer each time', () => {
    const world = new ClientWorld({ chance: 1 });
    world.up();
    send(world, 'a');
    send(world, 'b', 'den');
    const pauses: number[] = [];
    for (let time = 0; time < 4; time++) {
      const before = world.timeline.now;
      world.end.refuse(world.end.take('chat'), 'rate_limited');
      if (time === 0) expect(stored(world.end, 1)['room']).toBe('den');
      send(world, `c${time}`, 'den');
      stored(world.end, 2);
      while (!world.end.has('chat')) world.pass(500);
      pauses.push(world.timeline.now - before);
    }
    expect(pauses).toEqual([1_500, 2_000, 3_000, 3_000]);
  });

  test('[DG4] a message that may be stored does not fail as too large, however small the next server’s frames are', () => {
    const world = new ClientWorld();
    world.up();
    const { codes } = send(world, 'x'.repeat(5_000));
    expect(world.end.has('chat')).toBe(true);
    world.again();
    world.up({ limits: { frameBytes: 4_096 } });
    expect(codes()).toEqual(['outcome_unknown']);
  });

  test('many that wait cost no more each than few', () => {
    const seconds = (count: number): number => {
      const world = new ClientWorld({ queueMax: 1_000_000, sendTimeoutMs: 0 });
      world.up({ limits: { messagesPerMinute: 0 } });
      const began = performance.now();
      for (let at = 0; at < count; at++) world.core.send('lobby', 'x', {}, () => {});
      for (let left = count; left > 0;)
        for (const chat of world.end.frames.splice(0)) {
          world.end.ack(chat, { room: 'lobby', seq: 1, timestamp: AT });
          left--;
        }
      return performance.now() - began;
    };
    seconds(2_000);
    // Ten times as many took a hundred times as long.
    expect(seconds(20_000)).toBeLessThan(40 * seconds(2_000));
  });

  test('32 are under way at once, so that a limit is met with few', () => {
    const world = new ClientWorld();
    for (let at = 0; at < 40; at++) send(world, String(at));
    world.up();
    expect(contents(world.end)).toHaveLength(32);
    stored(world.end, 1);
    expect(contents(world.end)).toHaveLength(32);
  });

  test('its time over, it is called what it is: unsent, refused, or in doubt', () => {
    const world = new ClientWorld({ sendTimeoutMs: 5_000 });
    world.up();
    const refused = send(world, 'a');
    world.end.refuse(world.end.take('chat'), 'unavailable', 60_000);
    const held = send(world, 'b');
    const inDoubt = send(world, 'c', 'den');
    world.pass(5_000);
    expect([refused, held, inDoubt].map(({ codes }) => codes())).toEqual([
      ['unavailable'],
      ['unavailable'],
      ['outcome_unknown'],
    ]);
    world.end.ack(world.end.take('chat'), { room: 'den', seq: 1, timestamp: AT });
    expect(inDoubt.codes()).toHaveLength(1);
  });

  test('the queue has an end, and an id is checked', () => {
    const world = new ClientWorld({ queueMax: 2 });
    send(world, 'a');
    send(world, 'b');
    expect(send(world, 'c').codes()).toEqual(['queue_full']);
    const { done, codes } = answers();
    for (const id of ['', 'a b', ':1', 'x'.repeat(65)]) world.core.send('lobby', 'hi', { id }, done);
    world.core.send('lobby', '', {}, done);
    world.core.send('lobby', 'hi', { data: { n: 1n } }, done);
    expect(codes()).toEqual(Array(6).fill('bad_frame'));
  });

  test('[FR1] a message that is too large for the server is not sent: it would close the connection for good', () => {
    const world = new ClientWorld();
    const early = send(world, 'x'.repeat(1_000));
    world.up({ limits: { frameBytes: 500 } });
    expect(early.codes()).toEqual(['too_large']);
    expect(send(world, 'é'.repeat(250)).codes()).toEqual(['too_large']);
    expect(contents(world.end)).toEqual([]);
    const { done, codes } = answers();
    world.core.create({ access: 'public', metadata: { x: 'x'.repeat(500) } }, done);
    expect(codes()).toEqual(['too_large']);
  });

  test('two messages of one id: the second waits for the first, and gets the same answer', () => {
    const world = new ClientWorld();
    world.up();
    const [one, two] = [answers(), answers()];
    world.core.send('lobby', 'hi', { id: 'same' }, one.done);
    world.core.send('den', 'hi', { id: 'same' }, two.done);
    expect(stored(world.end, 1)['room']).toBe('lobby');
    expect(stored(world.end, 5)['room']).toBe('den');
    expect([...one.results, ...two.results].map((result: any) => result.value.seq)).toEqual([1, 5]);
  });
});

describe('by REST', () => {
  test('after three failed attempts: one at a time, in order, with the same ids', () => {
    const world = new ClientWorld();
    const all = ['a', 'b'].map((content) => send(world, content));
    unreachable(world);
    expect(world.posts).toHaveLength(1);
    const [first] = world.posts;
    expect(first).toMatchObject({ room: 'lobby', token: 'token-1' });
    expect(JSON.parse(first?.body ?? '')).toEqual({ id: 'id-1', content: 'a' });
    const body = { room: 'lobby', id: 'id-1', seq: 1, timestamp: AT };
    first?.done({ status: 201, body });
    expect(all[0]?.results).toEqual([{ ok: true, value: body }]);
    expect(JSON.parse(world.posts[1]?.body ?? '').id).toBe('id-2');
    world.posts[1]?.done({ status: 200, body: { ...body, id: 'id-2', duplicate: true } });
    expect(all[1]?.codes()).toEqual(['ok']);
    const third = send(world, 'c');
    expect(world.posts).toHaveLength(3);
    expect(third.codes()).toEqual([]);
  });

  test('the socket back, all goes there again; a late answer counts if it is good', () => {
    const world = new ClientWorld({ chance: 0 });
    const all = ['a', 'b'].map((content) => send(world, content));
    unreachable(world);
    world.rest();
    world.up();
    expect(contents(world.end)).toEqual(['a', 'b']);
    world.posts[0]?.done({ status: 201, body: { room: 'lobby', id: 'id-1', seq: 1, timestamp: AT } });
    expect(all[0]?.codes()).toEqual(['ok']);
    stored(world.end, 1, { duplicate: true });
    stored(world.end, 2);
    expect(all.map(({ codes }) => codes())).toEqual([['ok'], ['ok']]);
    expect(world.posts).toHaveLength(1);
  });

  test('without an answer: tried again, later; then the outcome is in doubt', () => {
    const world = new ClientWorld({ sendTimeoutMs: 30_000 });
    const { codes } = send(world, 'a');
    unreachable(world);
    world.posts[0]?.done(undefined);
    world.pass(750);
    expect(world.posts).toHaveLength(2);
    world.pass(10_000);
    expect(world.posts.length).toBeGreaterThanOrEqual(2);
    world.pass(20_000);
    expect(codes()).toEqual(['outcome_unknown']);
  });

  test('what failed by REST waits for no time of its own once there is a connection', () => {
    const world = new ClientWorld({ chance: 1 });
    send(world, 'a');
    unreachable(world);
    for (let at = 0; at < 4; at++) {
      world.posts.at(-1)?.done(undefined);
      world.pass(60_000 / 4 - 1_000);
    }
    const { core } = world;
    const before = world.ends.length;
    while (world.ends.length === before) world.pass(1_000);
    core.send('lobby', 'b', {}, () => {});
    world.posts.at(-1)?.done(undefined);
    world.up();
    expect(contents(world.end)).toContain('b');
  });

  test('without a token nothing is posted and nothing is in doubt; it is asked for less and less often', () => {
    let asked = 0;
    const token = (done: (token: undefined, cause: unknown) => void): void => {
      asked++;
      done(undefined, new Error('signed out'));
    };
    const world = new ClientWorld({ token, sendTimeoutMs: 50_000 });
    const all = ['lobby', 'den', 'attic'].map((room) => send(world, 'a', room));
    world.pass(50_000);
    expect(world.posts).toEqual([]);
    for (const { results } of all)
      expect(results).toMatchObject([{ error: { code: expect.stringMatching(/no_token|unavailable/) } }]);
    expect(all[0]?.results).toMatchObject([{ error: { code: 'no_token', cause: new Error('signed out') } }]);
    expect(asked).toBeLessThan(25);
  });

  test('a token that comes too late is not used: a message that has timed out is not posted after all', () => {
    const given: ((token: string) => void)[] = [];
    const world = new ClientWorld({ token: (done) => void given.push(done), sendTimeoutMs: 5_000 });
    given[0]?.('one');
    unreachable(world);
    const { codes } = send(world, 'a');
    world.posts[0]?.done({ status: 401, body: { code: 'unauthorized', message: 'over' } });
    world.pass(5_000);
    expect(codes()).toEqual(['unavailable']);
    for (const done of given.slice(1)) done('two');
    expect(given.length).toBeGreaterThan(1);
    expect(world.posts).toHaveLength(1);
  });

  test('an old token that is refused twice, by two ways, was one token', () => {
    let given = 0;
    const world = new ClientWorld({ token: (done) => done(`token-${++given}`) });
    unreachable(world);
    const { codes } = send(world, 'a');
    world.rest();
    world.end.close();
    world.posts[0]?.done({ status: 401, body: { code: 'unauthorized', message: 'over' } });
    expect(world.posts.map(({ token }) => token)).toEqual(['token-1', 'token-2']);
    world.probes.shift()?.done({ code: 'unauthorized' });
    expect(world.core.state).toBe('waiting');
    world.posts[1]?.done({ status: 201, body: { room: 'lobby', id: 'id-1', seq: 1, timestamp: AT } });
    expect(codes()).toEqual(['ok']);
  });

  test('without sockets a client lives for as long as there are tokens', () => {
    let given = 0;
    const world = new ClientWorld({ token: (done) => done(`token-${++given}`) });
    unreachable(world);
    const over = { status: 401, body: { code: 'unauthorized', message: 'over' } };
    for (let hour = 1; hour <= 4; hour++) {
      const { codes } = send(world, 'a');
      world.posts.at(-1)?.done(over);
      const { id } = JSON.parse(world.posts.at(-1)?.body ?? '') as { id: string };
      world.posts.at(-1)?.done({ status: 201, body: { room: 'lobby', id, seq: hour, timestamp: AT } });
      expect(codes()).toEqual(['ok']);
    }
    for (const code of [
      'unauthorized',
      'upgrade_required',
      'unauthorized',
      'too_many_connections',
      'unauthorized',
    ]) {
      world.rest();
      world.end.close();
      world.probes.shift()?.done({ code });
      expect(world.core.state).toBe('waiting');
    }
  });

  test('an error of what stands in between says nothing of the message', () => {
    const world = new ClientWorld({ sendTimeoutMs: 30_000 });
    const { codes } = send(world, 'a');
    unreachable(world);
    world.posts[0]?.done({ status: 504, body: { code: 'GATEWAY_TIMEOUT', message: 'upstream' } });
    expect(codes()).toEqual([]);
    world.pass(30_000);
    expect(codes()).toEqual(['outcome_unknown']);
  });

  test('refusals are as on a socket, and a token that is over is asked for anew', () => {
    const tokens = ['one', 'two'];
    const world = new ClientWorld({ token: (done) => done(tokens.shift()) });
    world.up();
    world.end.close();
    world.rest();
    const all = ['a', 'b'].map((content) => send(world, content));
    unreachable(world);
    world.posts[0]?.done({ status: 401, body: { code: 'unauthorized', message: 'over' } });
    expect(world.posts[1]?.token).toBe('two');
    world.posts[1]?.done({ status: 429, body: { code: 'rate_limited', message: 'slow', retryAfterMs: 100 } });
    expect(world.posts).toHaveLength(2);
    world.pass(100);
    world.posts[2]?.done({ status: 403, body: { code: 'forbidden', message: 'no' } });
    expect(all[0]?.codes()).toEqual(['forbidden']);
    world.posts[3]?.done({ status: 502, body: undefined });
    expect(all[1]?.codes()).toEqual([]);
  });
});
