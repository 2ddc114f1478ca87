import { describe, expect, test } from 'vitest';
import {
  answers,
  chatFrame,
  chatMark,
  ClientWorld,
  LOG,
  noticeFrame,
  noticeMark,
} from '../support/client-world.ts';

// What a client is shown: each message once and in order, over all connections.

const OTHER_LOG = '22222222-2222-4222-8222-222222222222';

const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, at) => from + at);

test('a room that waits for its turn, since a thousand others are asked for, is not told as delayed', () => {
  const world = new ClientWorld();
  const end = world.up();
  for (let at = 0; at < 1_001; at++) world.core.join(`r${at}`, {}, () => {});
  for (let at = 0; at < 1_000; at++) end.joined();
  expect(end.has('join')).toBe(false);
  world.pass(1_000);
  expect(end.joined()).toMatchObject({ room: 'r1000' });
  expect(world.core.positions).toHaveProperty('room:r1000');
  expect(world.events('delayed')).toEqual([]);
});

test('a room that is back after a reconnect is reported: from then on the client accepts signals', () => {
  const world = new ClientWorld();
  world.inRoom();
  expect(world.events('resumed')).toEqual([]);
  const codes: string[] = [];
  const signal = (): void => {
    world.core.signal('lobby', 1, (result) => codes.push(result.ok ? 'ok' : result.error.code));
  };
  world.core.on('resumed', signal);
  const end = world.again();
  end.welcome();
  signal();
  expect(world.events('resumed')).toEqual([]);
  end.resumed({ broadcast: { seq: 3 }, user: { seq: 7 }, 'room:lobby': { seq: 0 } });
  expect(world.events('resumed')).toEqual([{ room: 'lobby' }]);
  expect(codes).toEqual(['not_joined', 'ok']);
  expect(end.take('signal')).toMatchObject({ room: 'lobby' });
});

describe('rooms', () => {
  test('[RQ1] a join is answered with what the room is, and messages follow', () => {
    const world = new ClientWorld();
    world.up();
    const { done, results } = answers();
    world.core.join('lobby', {}, done);
    const join = world.end.take('join');
    expect(join).not.toHaveProperty('since');
    world.end.ack(join, { room: 'lobby', access: 'private', metadata: { a: 1 }, seq: 4 });
    expect(results).toEqual([
      { ok: true, value: { room: 'lobby', access: 'private', metadata: { a: 1 }, seq: 4 } },
    ]);
    world.end.chat('lobby', 5, 6);
    expect(world.seen()).toEqual([5, 6]);
    expect(world.core.positions).toEqual({
      broadcast: { seq: 3, log: LOG },
      user: { seq: 7, log: LOG },
      'room:lobby': { ...chatMark(6), log: LOG },
    });
  });

  test('a subscription made before the welcome is asked for after it', () => {
    const world = new ClientWorld();
    world.core.join('lobby', { since: 0 }, () => {});
    world.up();
    expect(world.end.joined({ seq: 2 })['since']).toBe(0);
    world.end.chat('lobby', 1, 2);
    expect(world.seen()).toEqual([1, 2]);
  });

  test.each(['forbidden', 'not_found', 'gone', 'limit_reached'])(
    'the client drops a refused subscription: %s',
    (code) => {
      const world = new ClientWorld();
      world.up();
      const { done, codes } = answers();
      world.core.join('lobby', {}, done);
      world.end.refuse(world.end.take('join'), code);
      expect(codes()).toEqual([code]);
      world.again();
      world.up();
      expect(world.end.has('join')).toBe(false);
      expect(world.events('removed')).toEqual([]);
    },
  );

  test.each(['unavailable', 'rate_limited'])('%s is tried again after its time', (code) => {
    const world = new ClientWorld();
    world.up();
    const { done, codes } = answers();
    world.core.join('lobby', {}, done);
    world.end.refuse(world.end.take('join'), code, 2_000);
    world.pass(1_999);
    expect(world.end.has('join')).toBe(false);
    world.pass(1);
    world.end.joined();
    expect(codes()).toEqual(['ok']);
  });

  test('a room that is unavailable for a while is reported, tried again after growing pauses, and reported once it is joined', () => {
    const world = new ClientWorld();
    world.up();
    const { done, codes } = answers();
    world.core.join('lobby', {}, done);
    for (let n = 0; n < 4; n++) {
      world.end.refuse(world.end.take('join'), 'unavailable', 1_000);
      world.pass(world.events('delayed').at(-1).retryAfterMs);
    }
    const delays = world.events('delayed');
    expect(delays.map(({ room, why }) => [room, why.code])).toEqual(
      Array.from({ length: 4 }, () => ['lobby', 'unavailable']),
    );
    // Half of 0.5, 1 and 2 s upon what the server asks for.
    expect(delays.map(({ retryAfterMs }) => retryAfterMs)).toEqual([1_000, 1_250, 1_500, 2_000]);
    world.end.joined();
    expect(codes()).toEqual(['ok']);
    expect(world.events('delayed').slice(4)).toEqual([{ room: 'lobby' }]);
  });

  test('so is one that is unavailable after a reconnect', () => {
    const world = new ClientWorld();
    world.inRoom('lobby', 4);
    world.again();
    world.end.welcome();
    world.end.ack(world.end.take('resume'), {
      channels: { broadcast: { seq: 3 }, user: { seq: 7 }, 'room:lobby': { error: 'unavailable' } },
    });
    expect(world.events('delayed')).toMatchObject([{ room: 'lobby', why: { code: 'unavailable' } }]);
    world.pass(1_000);
    expect(world.end.joined({ seq: 4 })['since']).toBe(4);
    expect(world.events('delayed').slice(1)).toEqual([{ room: 'lobby' }]);
  });

  test('a resume that is refused as a whole delays all its rooms', () => {
    const world = new ClientWorld();
    world.inRoom('lobby', 4);
    world.again();
    world.end.welcome();
    world.end.refuse(world.end.take('resume'), 'unavailable', 3_000);
    expect(world.events('delayed')).toMatchObject([{ room: 'lobby', retryAfterMs: 3_000 }]);
    world.pass(3_000);
    world.end.ack(world.end.take('resume'), {
      channels: { broadcast: { seq: 3 }, user: { seq: 7 }, 'room:lobby': { seq: 4 } },
    });
    expect(world.events('delayed').slice(1)).toEqual([{ room: 'lobby' }]);
  });

  test.each(['join', 'resume'])(
    '[LM2] after a %s too many at once its rooms merely wait for their turn, and are not told as delayed',
    (asked) => {
      const world = new ClientWorld();
      if (asked === 'resume') {
        world.inRoom('lobby', 4);
        world.again();
        world.end.welcome();
      } else {
        world.up();
        world.core.join('lobby', {}, () => {});
      }
      world.end.refuse(world.end.take(asked), 'rate_limited', 3_000);
      world.pass(3_000);
      if (asked === 'join') world.end.joined({ seq: 4 });
      else world.end.resumed({ broadcast: { seq: 3 }, user: { seq: 7 }, 'room:lobby': { seq: 4 } });
      expect(world.core.positions).toMatchObject({ 'room:lobby': { seq: 4 } });
      expect(world.events('delayed')).toEqual([]);
    },
  );

  test('a room that the application says is asked for too often is delayed: that is about the room', () => {
    const world = new ClientWorld();
    world.up();
    world.core.join('lobby', {}, () => {});
    world.end.refuse(world.end.take('join'), 'rate_limited');
    expect(world.events('delayed')).toMatchObject([{ room: 'lobby', why: { code: 'rate_limited' } }]);
  });

  test('a listener of `delayed` may close everything: nothing is asked again, and no timer is left', () => {
    for (const refused of ['join', 'resume']) {
      const world = new ClientWorld();
      world.inRoom('lobby', 4);
      world.core.on('delayed', () => world.core.close());
      world.again();
      if (refused === 'resume') world.end.welcome();
      else world.up();
      world.core.join('den', {}, () => {});
      world.end.refuse(world.end.take(refused), 'unavailable', 1_000);
      expect(world.core.state, refused).toBe('dead');
      expect(world.timers.size, refused).toBe(0);
    }
  });

  test('a join of a room that is being resumed is answered too, with what the room is', () => {
    const world = new ClientWorld({ joinTimeoutMs: 0 });
    world.inRoom('lobby', 4);
    const [away, meanwhile] = [answers<unknown>(), answers<unknown>()];
    world.end.close();
    world.core.join('lobby', {}, away.done);
    world.rest();
    world.end.welcome();
    world.core.join('lobby', {}, meanwhile.done);
    expect(world.end.has('join')).toBe(false);
    const { end } = world;
    end.resumed({ broadcast: { seq: 3 }, user: { seq: 7 }, 'room:lobby': { seq: 4 } });
    end.joined({ seq: 4, already: true, metadata: { topic: 'new' } });
    for (const { results } of [away, meanwhile])
      expect(results).toMatchObject([{ ok: true, value: { room: 'lobby', metadata: { topic: 'new' } } }]);
    expect(end.has('history')).toBe(false);
  });

  test('of a room that one is in, a join that is delayed is not told as the room’s delay', () => {
    const world = new ClientWorld();
    world.inRoom();
    const { done, codes } = answers();
    world.core.join('lobby', {}, done);
    world.end.refuse(world.end.take('join'), 'rate_limited', 500);
    world.pass(500);
    world.end.joined({ already: true });
    expect(codes()).toEqual(['ok']);
    expect(world.events('delayed')).toEqual([]);
  });

  test('a join whose time is over fails with the latest reason', () => {
    const world = new ClientWorld({ joinTimeoutMs: 30_000 });
    world.up();
    const { done, results } = answers();
    world.core.join('lobby', {}, done);
    world.end.refuse(world.end.take('join'), 'rate_limited', 60_000);
    world.end.close();
    while (results.length === 0) {
      world.rest();
      world.end.close();
      world.probes.shift()?.done(undefined);
    }
    expect(results).toMatchObject([
      { error: { code: 'unavailable', message: expect.stringContaining('cannot be reached') } },
    ]);
  });

  test('a join waits no longer than its time; then the client does not want the room any more', () => {
    const world = new ClientWorld({ joinTimeoutMs: 5_000 });
    world.up();
    const { done, results } = answers();
    world.core.join('lobby', {}, done);
    world.end.refuse(world.end.take('join'), 'unavailable', 4_000);
    world.pass(4_999);
    world.end.take('join');
    expect(results).toEqual([]);
    world.pass(1);
    expect(results).toMatchObject([{ ok: false, error: { code: 'unavailable' } }]);
    // The server may be about to let it in.
    expect(world.end.take('leave')['room']).toBe('lobby');
    world.again();
    world.up();
    expect(world.end.has('join')).toBe(false);
  });

  test('a call that waits without a connection fails with the reason why there is none', () => {
    const world = new ClientWorld({ token: (done) => done(undefined, new Error('signed out')) });
    const { done, results } = answers();
    world.core.join('lobby', {}, done);
    world.core.send('lobby', 'hi', {}, done);
    world.pass(60_000);
    expect(results).toMatchObject([
      { ok: false, error: { code: 'unavailable', message: expect.stringMatching(/in time: .*signed out$/) } },
      { ok: false, error: { code: 'no_token', message: expect.stringMatching(/signed out$/) } },
    ]);
  });

  test('the client still wants a room that it was in, even if a later join of it has timed out', () => {
    const world = new ClientWorld({ joinTimeoutMs: 5_000 });
    world.inRoom('lobby', 4);
    world.end.close();
    const { done, codes } = answers();
    world.core.join('lobby', {}, done);
    world.pass(5_000);
    expect(codes()).toEqual(['unavailable']);
    world.up();
    world.end.chat('lobby', 5);
    expect(world.seen()).toEqual([5]);
  });

  test('without a time for it, one waits for as long as it takes', () => {
    const world = new ClientWorld({ joinTimeoutMs: 0 });
    const { done, codes } = answers();
    world.core.join('lobby', {}, done);
    world.pass(3_600_000);
    world.up();
    world.end.joined();
    expect(codes()).toEqual(['ok']);
  });

  test('a room’s name that is none is refused here, where it is no breach', () => {
    const world = new ClientWorld();
    world.up();
    const { done, codes } = answers();
    world.core.join('no room', {}, done);
    world.core.send('', 'hi', {}, done);
    expect(codes()).toEqual(['bad_frame', 'bad_frame']);
    expect(world.end.frames).toEqual([]);
  });

  test('[RQ3] after leaving nothing of the room is shown, and it is not joined again', () => {
    const world = new ClientWorld();
    world.inRoom();
    const { done, codes } = answers();
    world.core.leave('lobby', done);
    world.end.chat('lobby', 1);
    const leave = world.end.take('leave');
    world.end.ack(leave, { room: 'lobby' });
    expect(codes()).toEqual(['ok']);
    world.again();
    world.up();
    expect(world.end.frames).toEqual([]);
    expect(world.seen()).toEqual([]);
  });

  test('left and joined at once: what is still under way of the first time is not shown', () => {
    const world = new ClientWorld();
    world.inRoom();
    world.core.leave('lobby', () => {});
    world.core.join('lobby', {}, () => {});
    world.end.chat('lobby', 1);
    world.end.ack(world.end.take('leave'), { room: 'lobby' });
    world.end.joined({ seq: 4 });
    world.end.chat('lobby', 5);
    expect(world.seen()).toEqual([5]);
  });

  test('[JW4] put off a room, or the room deleted: told, and not joined again', () => {
    const world = new ClientWorld();
    world.inRoom('lobby');
    world.core.join('den', {}, () => {});
    world.end.joined();
    const left = { users: ['alice'], reason: 'removed' };
    world.end.push({ type: 'notification', action: 'left', room: 'lobby', data: left });
    world.end.push({ type: 'notification', action: 'room_closed', room: 'den', data: {} });
    expect(world.events('removed')).toEqual([{ room: 'lobby', code: 'forbidden' }]);
    expect(world.events('left')).toEqual([]);
    expect(world.events('room_closed')).toEqual([{ room: 'den' }]);
    world.again();
    world.end.welcome();
    expect(world.end.take('resume')['channels']).toEqual({ broadcast: 3, user: 7 });
    expect(world.end.has('join')).toBe(false);
  });

  test('others who join, leave, fall silent or type are reported', () => {
    const world = new ClientWorld();
    world.inRoom();
    const say = (action: string, data: object, more: object = {}): void =>
      world.end.push({ type: 'notification', action, room: 'lobby', data, ...more });
    say('joined', { users: ['bob'] });
    say('left', { users: ['bob'] });
    say('presence', { user: 'bob', state: 'suspect', since: 's' });
    say('members', { count: 201 });
    say('members', { count: 2, users: ['bob', 'me'] });
    say('signal', { typing: true }, { from: 'bob' });
    world.end.push({ type: 'notification', action: 'degraded', data: { features: ['chat'] } });
    expect(world.told.slice(-7)).toEqual([
      ['joined', { room: 'lobby', users: ['bob'] }],
      ['left', { room: 'lobby', users: ['bob'] }],
      ['presence', { room: 'lobby', user: 'bob', state: 'suspect', since: 's' }],
      ['members', { room: 'lobby', count: 201 }],
      ['members', { room: 'lobby', count: 2, users: ['bob', 'me'] }],
      ['signal', { room: 'lobby', from: 'bob', data: { typing: true } }],
      ['degraded', { features: ['chat'] }],
    ]);
  });
});

describe('coming back', () => {
  test('[DG3] rooms are resumed where they were, those never joined are joined', () => {
    const world = new ClientWorld();
    world.inRoom('lobby', 4);
    world.end.chat('lobby', 5);
    world.core.join('den', {}, () => {});
    world.again();
    world.end.welcome({ channels: { broadcast: 9, user: 9 } });
    const resume = world.end.resumed({
      broadcast: { seq: 9 },
      user: { seq: 9 },
      'room:lobby': { seq: 7 },
    });
    expect(resume['channels']).toEqual({ broadcast: 3, user: 7, 'room:lobby': chatMark(5) });
    expect(resume['log']).toBe(LOG);
    expect(world.end.take('join')['room']).toBe('den');
    world.end.chat('lobby', 6, 7);
    for (const seq of [4, 5]) world.end.push(noticeFrame('broadcast', seq));
    expect(world.seen()).toEqual([5, 6, 7]);
    expect(world.events('broadcast').map(({ seq }) => seq)).toEqual([4, 5]);
  });

  test('a message that was shown already is not shown again', () => {
    const world = new ClientWorld();
    world.inRoom();
    world.end.chat('lobby', 1, 2, 2, 1, 3);
    expect(world.seen()).toEqual([1, 2, 3]);
  });

  test('a room that may not be resumed is reported as removed; one that is unavailable right now is tried later', () => {
    const world = new ClientWorld();
    world.inRoom('lobby', 4);
    world.core.join('den', {}, () => {});
    world.end.joined({ seq: 2 });
    world.again();
    world.end.welcome();
    world.end.resumed({
      broadcast: { error: 'unavailable' },
      user: { seq: 7 },
      'room:lobby': { error: 'forbidden' },
      'room:den': { error: 'unavailable' },
    });
    expect(world.events('removed')).toEqual([{ room: 'lobby', code: 'forbidden' }]);
    world.pass(1_000);
    expect(world.end.joined({ room: 'den', seq: 3 })).toMatchObject({ room: 'den', since: 2 });
    world.end.chat('den', 3);
    expect(world.seen('den')).toEqual([3]);
    // The server goes on by itself; what it may not replay it names.
    world.end.push({
      type: 'notification',
      action: 'skipped',
      data: { channel: 'broadcast', from: 4, to: 5 },
    });
    world.end.page(5);
    expect(world.events('broadcast').map(({ seq }) => seq)).toEqual([4, 5]);
  });

  test('let in by an answer that came too late: what was sent since then is read', () => {
    const world = new ClientWorld();
    world.up();
    world.core.join('lobby', { since: 24 }, () => {});
    const late = world.end.take('join');
    world.pass(10_000);
    world.end.ack(late, { room: 'lobby', access: 'public', metadata: {}, seq: 24 });
    world.end.chat('lobby', 25, 26);
    expect(world.seen()).toEqual([]);
    world.pass(1_000);
    expect(world.end.joined({ seq: 26, already: true })['since']).toBe(24);
    world.end.chat('lobby', 27);
    world.end.page(27);
    expect(world.seen()).toEqual([25, 26, 27]);
  });

  test.each([24, undefined])(
    'let in too late, from %s: what was sent before the next answer is read, whatever it says',
    (since) => {
      const world = new ClientWorld();
      world.up();
      world.core.join('lobby', since === undefined ? {} : { since }, () => {});
      const late = world.end.take('join');
      world.pass(10_000);
      world.end.ack(late, { room: 'lobby', access: 'public', metadata: {}, seq: 24 });
      world.pass(1_000);
      world.end.chat('lobby', 25, 26);
      world.end.joined({ seq: 24, already: true });
      world.end.page(26);
      expect(world.seen()).toEqual([25, 26]);
      world.end.chat('lobby', 27);
      expect(world.seen()).toEqual([25, 26, 27]);
    },
  );

  test('however small a frame may be, all rooms are resumed', () => {
    const world = new ClientWorld();
    world.up();
    const rooms = Array.from({ length: 100 }, (_, at) => `${at}`.padStart(61, 'r'));
    for (const room of rooms) {
      world.core.join(room, {}, () => {});
      world.end.joined({ seq: 9_007_199_254_740_991 });
    }
    world.again();
    world.end.welcome({ limits: { frameBytes: 1_024 } });
    const resumes = world.end.frames.filter(({ type }) => type === 'resume');
    expect(Math.max(...resumes.map((frame) => JSON.stringify(frame).length))).toBeLessThanOrEqual(1_024);
    const names = resumes.flatMap(({ channels }) => Object.keys(channels as object));
    expect(names.toSorted()).toEqual(
      ['broadcast', 'user', ...rooms.map((room) => `room:${room}`)].toSorted(),
    );
    expect(world.events('delayed')).toEqual([]);
  });

  test('a leave that cannot be asked now is asked later', () => {
    const world = new ClientWorld();
    world.inRoom();
    for (let at = 0; at < 1_000; at++) world.core.rooms({}, () => {});
    const { done, codes } = answers();
    world.core.leave('lobby', done);
    expect(codes()).toEqual([]);
    for (const { type, id } of world.end.frames.splice(0))
      if (type === 'rooms') world.end.refuse({ id }, 'unavailable');
    world.pass(1_000);
    world.end.ack(world.end.take('leave'), { room: 'lobby' });
    expect(codes()).toEqual(['ok']);
  });

  test('a resume that is refused is asked again, on this connection', () => {
    const world = new ClientWorld();
    world.inRoom('lobby', 4);
    world.again();
    world.end.welcome();
    world.end.refuse(world.end.take('resume'), 'unavailable', 500);
    world.pass(500);
    world.end.resumed({ broadcast: { seq: 3 }, user: { seq: 7 }, 'room:lobby': { seq: 5 } });
    world.end.chat('lobby', 5);
    expect(world.seen()).toEqual([5]);
  });

  test('[RQ2] another log: the client names the log of its positions, and the server says where each channel continues', () => {
    const world = new ClientWorld();
    world.inRoom('lobby', 40);
    world.again();
    world.end.welcome({ log: OTHER_LOG, channels: { broadcast: 1, user: 0 } });
    const resume = world.end.resumed({
      broadcast: { seq: 1, reset: true },
      user: { seq: 0, reset: true },
      'room:lobby': { seq: 2, reset: true },
    });
    expect(resume).toMatchObject({ log: LOG, channels: { broadcast: 3, user: 7, 'room:lobby': 40 } });
    world.end.chat('lobby', 3);
    world.end.push(noticeFrame('broadcast', 2));
    expect(world.events('reset')).toEqual([
      { channel: 'broadcast', seq: 1 },
      { channel: 'user', seq: 0 },
      { channel: 'room:lobby', seq: 2 },
    ]);
    expect(world.seen()).toEqual([3]);
    expect(world.events('broadcast')).toHaveLength(1);
    expect(world.core.positions).toEqual({
      broadcast: { ...noticeMark(2), log: OTHER_LOG },
      user: { seq: 0, log: OTHER_LOG },
      'room:lobby': { ...chatMark(3), log: OTHER_LOG },
    });
  });

  test('[RQ2] [PU2] what could not be resumed at once is reset by a push', () => {
    const world = new ClientWorld();
    world.up();
    world.again();
    world.end.welcome({ log: OTHER_LOG, channels: undefined });
    world.end.resumed({ broadcast: { error: 'unavailable' }, user: { error: 'unavailable' } });
    world.end.reset('broadcast', 1);
    world.end.push(noticeFrame('broadcast', 2));
    expect(world.events('reset')).toEqual([{ channel: 'broadcast', seq: 1 }]);
    expect(world.events('broadcast')).toHaveLength(1);
    expect(world.core.positions).toMatchObject({
      broadcast: { ...noticeMark(2), log: OTHER_LOG },
      user: { seq: 7, log: LOG },
    });
  });

  test('[RQ2] [PU2] what could not be resumed at once goes on from the head, whatever the number of what it had seen', () => {
    const world = new ClientWorld();
    world.up();
    world.end.push(noticeFrame('broadcast', 4));
    world.again();
    world.end.welcome({ log: OTHER_LOG, channels: undefined });
    world.end.resumed({ broadcast: { error: 'unavailable' }, user: { error: 'unavailable' } });
    world.end.reset('broadcast', 6);
    expect(world.core.positions['broadcast']).toEqual({ seq: 6, log: OTHER_LOG });
    world.end.push(noticeFrame('broadcast', 7));
    expect(world.events('reset')).toEqual([{ channel: 'broadcast', seq: 6 }]);
    expect(world.events('broadcast').map(({ seq }) => seq)).toEqual([4, 7]);
    expect(world.events('missed')).toEqual([]);
  });

  test('[RQ1] [RQ2] positions contain the log and the message, and another run can use them unchanged', () => {
    const first = new ClientWorld();
    first.inRoom('lobby', 4);
    first.end.chat('lobby', 5);
    first.end.push(noticeFrame('user', 8));
    const kept = JSON.parse(JSON.stringify(first.core.positions));
    expect(kept).toEqual({
      broadcast: { seq: 3, log: LOG },
      user: { ...noticeMark(8), log: LOG },
      'room:lobby': { ...chatMark(5), log: LOG },
    });
    const second = new ClientWorld();
    second.core.join('lobby', { since: kept['room:lobby'] }, () => {});
    second.core.join('den', { since: { seq: 7, log: LOG } }, () => {});
    second.up({ log: OTHER_LOG });
    expect(second.end.joined({ seq: 8, reset: true })).toMatchObject({ log: LOG, since: chatMark(5) });
    expect(second.end.joined({ seq: 1, reset: true })).toMatchObject({ log: LOG, since: 7 });
    second.end.chat('lobby', 9);
    expect(second.events('reset')).toEqual([
      { channel: 'room:lobby', seq: 8 },
      { channel: 'room:den', seq: 1 },
    ]);
    expect(second.seen()).toEqual([9]);
    // What it is told on the next connection is of the log it has gone on in.
    second.again();
    second.end.welcome({ log: OTHER_LOG });
    expect(second.end.take('resume')).toMatchObject({
      log: OTHER_LOG,
      channels: { 'room:lobby': chatMark(9), 'room:den': 1 },
    });
  });

  test('[RQ2] positions of several logs go in several resumes', () => {
    const world = new ClientWorld();
    world.inRoom('lobby', 4);
    world.again();
    world.end.welcome({ log: OTHER_LOG });
    world.end.resumed({
      broadcast: { seq: 1, reset: true },
      user: { error: 'unavailable' },
      'room:lobby': { seq: 2, reset: true },
    });
    world.again();
    world.end.welcome({ log: OTHER_LOG });
    const resumes = [world.end.take('resume'), world.end.take('resume')];
    expect(resumes.map(({ log, channels }) => [log, channels])).toEqual([
      [OTHER_LOG, { broadcast: 1, 'room:lobby': 2 }],
      [LOG, { user: 7 }],
    ]);
  });

  test('[PU2] the log has lost its end: what was shown of it is forgotten, and what comes in its place is shown once', () => {
    const world = new ClientWorld();
    world.inRoom('lobby', 3);
    world.end.chat('lobby', 4, 5, 6);
    world.end.reset('room:lobby', 4);
    expect(world.core.positions['room:lobby']).toEqual({ seq: 4, log: LOG });
    world.end.chat('lobby', 5, 6);
    world.end.chat('lobby', 6, 7);
    expect(world.seen()).toEqual([4, 5, 6, 5, 6, 7]);
    expect(world.events('reset')).toEqual([{ channel: 'room:lobby', seq: 4 }]);
    expect(world.events('missed')).toEqual([]);
  });

  test('[PU2] a gap is filled up to where the log was reset, and what waited behind it is dropped', () => {
    const world = new ClientWorld();
    world.inRoom('lobby', 3);
    // 4 and 5 are lost on their way; 6 and 7 wait, and are lost by the log.
    world.end.chat('lobby', 6, 7);
    const stale = world.end.take('history');
    world.end.reset('room:lobby', 5);
    world.end.push({ type: 'history', id: stale['id'], channel: 'room:lobby', messages: [], more: false });
    world.end.chat('lobby', 6);
    expect(world.end.page(6)['after']).toBe(3);
    expect(world.seen()).toEqual([4, 5, 6]);
    // Nothing that was shown is gone.
    expect(world.events('reset')).toEqual([]);
    expect(world.events('missed')).toEqual([]);
  });

  test('[DG2] the page contradicts the waiting messages: these are of a log that has lost its end, and are not shown after the page', () => {
    const world = new ClientWorld();
    world.inRoom('lobby', 3);
    world.end.chat('lobby', 6, 7);
    const { id } = world.end.take('history');
    const messages = [
      chatFrame('lobby', 4),
      chatFrame('lobby', 5),
      { ...chatFrame('lobby', 6), id: 'other' },
    ];
    world.end.push({ type: 'history', id, channel: 'room:lobby', messages, more: false });
    expect(world.seen()).toEqual([4, 5]);
    world.end.reset('room:lobby', 5);
    world.end.chat('lobby', 6, 7);
    expect(world.seen()).toEqual([4, 5, 6, 7]);
  });

  test('[PU2] a reset of a room that one is not in, or of none, is nothing', () => {
    const world = new ClientWorld();
    world.up();
    world.core.join('lobby', { since: 9 }, () => {});
    for (const name of ['room:lobby', 'room:other', 'nothing']) world.end.reset(name, 4);
    expect(world.events('reset')).toEqual([]);
    expect(world.end.joined({ seq: 9 })['since']).toBe(9);
  });

  test('[RQ1] on already, and reset: it goes on behind what came unheard', () => {
    const world = new ClientWorld();
    world.up();
    world.core.join('lobby', { since: 24 }, () => {});
    const late = world.end.take('join');
    world.pass(10_000);
    world.end.ack(late, { room: 'lobby', access: 'public', metadata: {}, seq: 2, reset: true });
    world.pass(1_000);
    world.end.chat('lobby', 3);
    world.end.joined({ seq: 2, already: true, reset: true });
    world.end.page(3);
    world.end.chat('lobby', 4);
    expect(world.events('reset')).toEqual([{ channel: 'room:lobby', seq: 2 }]);
    expect(world.seen()).toEqual([3, 4]);
  });

  test('[RQ2] a reset is reported, and the channel continues from there', () => {
    const world = new ClientWorld();
    world.inRoom('lobby', 40);
    world.again();
    world.end.welcome();
    world.end.resumed({ broadcast: { seq: 3 }, user: { seq: 7 }, 'room:lobby': { seq: 2, reset: true } });
    world.end.chat('lobby', 3);
    expect(world.events('reset')).toEqual([{ channel: 'room:lobby', seq: 2 }]);
    expect(world.seen()).toEqual([3]);
  });

  test('[FR1] long ids and senders take more resumes, each of which fits a frame', () => {
    const world = new ClientWorld();
    world.up();
    const from = '漢'.repeat(255);
    for (const at of range(1, 150)) {
      const since = { seq: 1_000_000 + at, id: 'i'.repeat(64), from };
      world.core.join(`room-${at}`.padEnd(64, '-'), { since }, () => {});
      world.end.joined({ seq: 2_000_000 });
    }
    world.again();
    world.end.welcome();
    const resumes = [1, 2, 3].map(() => world.end.take('resume'));
    expect(world.end.has('resume')).toBe(false);
    for (const resume of resumes) expect(Buffer.byteLength(JSON.stringify(resume))).toBeLessThan(65_536);
    expect(resumes.flatMap(({ channels }) => Object.keys(channels))).toHaveLength(152);
  });

  test('300 rooms take two resumes', () => {
    const world = new ClientWorld();
    world.up();
    for (const at of range(1, 300)) {
      world.core.join(`r${at}`, {}, () => {});
      world.end.joined();
    }
    world.again();
    world.end.welcome();
    expect(Object.keys(world.end.take('resume')['channels'])).toHaveLength(200);
    expect(Object.keys(world.end.take('resume')['channels'])).toHaveLength(102);
  });
});

describe('gaps', () => {
  const resumedWithGap = (): ClientWorld => {
    const world = new ClientWorld();
    world.inRoom('lobby', 10);
    world.again();
    world.end.welcome();
    world.end.resumed({
      broadcast: { seq: 3 },
      user: { seq: 7 },
      'room:lobby': { seq: 1_500, gap: { from: 11, to: 500 } },
    });
    return world;
  };

  test('a gap is read page by page before what is later is shown', () => {
    const world = resumedWithGap();
    world.end.chat('lobby', 501, 502);
    expect(world.seen()).toEqual([]);
    expect(world.end.page(1_500)).toMatchObject({ channel: 'room:lobby', after: 10, limit: 200 });
    expect(world.seen()).toEqual(range(11, 210));
    world.end.chat('lobby', 503);
    world.end.page(1_500);
    expect(world.end.page(1_500)['after']).toBe(410);
    expect(world.seen().slice(0, 493)).toEqual(range(11, 503));
    world.end.chat('lobby', ...range(504, 700));
    expect(world.seen()).toEqual(range(11, 700));
    expect(world.end.frames).toEqual([]);
    expect(world.events('missed')).toEqual([]);
  });

  test('[PU2] what lies behind a gap comes live: it is not shown from a page, as no reset tells that it is lost', () => {
    const world = resumedWithGap();
    world.end.page(1_500);
    world.end.page(1_500);
    // The page has 501 too. The log loses it before the connection has sent it.
    world.end.page(1_500);
    expect(world.core.positions['room:lobby']).toMatchObject({ seq: 500 });
    world.end.chat('lobby', 501);
    expect(world.seen()).toEqual(range(11, 501));
    // All of a gap may be gone, and what a page begins with lie behind it.
    const pruned = resumedWithGap();
    pruned.end.page(1_500, { first: 900 });
    expect(pruned.events('missed')).toEqual([{ channel: 'room:lobby', from: 11, to: 500 }]);
    pruned.end.chat('lobby', 501);
    expect(pruned.seen()).toEqual([501]);
  });

  test('a message that comes live while its page is under way is shown once', () => {
    const world = resumedWithGap();
    world.end.chat('lobby', 11, 12);
    world.end.page(1_500);
    expect(world.seen()).toEqual(range(11, 210));
  });

  test('a message that was lost on the way shows as a hole, and is read', () => {
    const world = new ClientWorld();
    world.inRoom();
    world.end.chat('lobby', 1, 2, 5);
    world.end.page(5);
    world.end.chat('lobby', 6);
    expect(world.seen()).toEqual([1, 2, 3, 4, 5, 6]);
  });

  test('[LM10] messages that retention has removed are reported as missed', () => {
    const world = resumedWithGap();
    world.end.page(1_500, { first: 300 });
    expect(world.events('missed')).toEqual([{ channel: 'room:lobby', from: 11, to: 299 }]);
    world.end.page(1_500, { first: 300 });
    world.end.chat('lobby', ...range(501, 510));
    expect(world.seen().slice(0, 3)).toEqual([300, 301, 302]);
    expect(world.seen()).toEqual(range(300, 510));
  });

  test('a log that ends before what was named is read again, and then believed', () => {
    const world = resumedWithGap();
    world.end.page(10);
    for (let time = 0; time < 3; time++) {
      expect(world.events('missed')).toEqual([]);
      world.pass(1_000);
      world.end.page(10);
    }
    expect(world.events('missed')).toEqual([{ channel: 'room:lobby', from: 11, to: 500 }]);
    world.end.chat('lobby', 501);
    expect(world.seen()).toEqual([501]);
  });

  test('more than 1,000 that wait are dropped and read too', () => {
    const world = resumedWithGap();
    world.end.chat('lobby', ...range(501, 2_000));
    while (world.end.has('history')) world.end.page(2_000);
    expect(world.seen()).toEqual(range(11, 2_000));
    world.end.chat('lobby', 2_001);
    expect(world.seen().at(-1)).toBe(2_001);
  });

  test('a page that is refused is asked again after its time', () => {
    const world = resumedWithGap();
    world.end.refuse(world.end.take('history'), 'rate_limited', 3_000);
    world.pass(2_999);
    expect(world.end.has('history')).toBe(false);
    world.pass(1);
    while (world.end.has('history')) world.end.page(500);
    expect(world.seen()).toEqual(range(11, 500));
  });

  test('a page that can never be read is reported as missed', () => {
    const world = resumedWithGap();
    world.end.chat('lobby', 501);
    world.end.refuse(world.end.take('history'), 'gone');
    expect(world.events('missed')).toEqual([{ channel: 'room:lobby', from: 11, to: 500 }]);
    expect(world.seen()).toEqual([501]);
  });

  test.each(['forbidden', 'not_found'])('%s for a moment: the page is asked for again', (code) => {
    const world = resumedWithGap();
    world.end.chat('lobby', 501);
    world.end.refuse(world.end.take('history'), code);
    expect(world.events('missed')).toEqual([]);
    world.pass(2_000);
    while (world.end.has('history')) world.end.page(501);
    expect(world.seen()).toEqual(range(11, 501));
    expect(world.events('missed')).toEqual([]);
  });

  test('a denial is believed in the end, after pauses that grow; it is not asked for after one is removed', () => {
    const world = resumedWithGap();
    const asked: number[] = [];
    while (world.events('missed').length === 0 && world.timeline.now < 600_000) {
      if (world.end.has('history')) {
        asked.push(world.timeline.now);
        world.end.refuse(world.end.take('history'), 'forbidden');
      }
      world.pass(100);
    }
    expect(world.events('missed')).toEqual([{ channel: 'room:lobby', from: 11, to: 500 }]);
    expect(asked).toHaveLength(9);
    expect((asked.at(-1) ?? 0) - (asked[0] ?? 0)).toBeGreaterThan(20_000);
    expect((asked.at(-1) ?? 0) - (asked[0] ?? 0)).toBeLessThan(70_000);
    const removed = resumedWithGap();
    removed.end.refuse(removed.end.take('history'), 'forbidden');
    removed.end.push({
      type: 'notification',
      action: 'left',
      room: 'lobby',
      data: { users: ['alice'], reason: 'removed' },
    });
    removed.pass(60_000);
    expect(removed.end.has('history')).toBe(false);
    expect(removed.events('removed')).toEqual([{ room: 'lobby', code: 'forbidden' }]);
    expect(removed.events('missed')).toEqual([]);
  });

  test('a broken page is no reason to miss anything', () => {
    const world = resumedWithGap();
    const history = world.end.take('history');
    const messages = [chatFrame('lobby', 11), { type: 'chat', seq: 'x' }];
    world.end.push({ type: 'history', id: history['id'], channel: 'room:lobby', messages, more: true });
    expect(world.events('error')).toMatchObject([{ code: 'bad_server_frame' }]);
    world.pass(1_000);
    while (world.end.has('history')) world.end.page(500);
    expect(world.seen()).toEqual(range(11, 500));
  });

  test('lost while a gap is read: the next connection goes on from what was shown', () => {
    const world = resumedWithGap();
    world.end.chat('lobby', 501);
    world.end.page(1_500);
    const old = world.end;
    world.again();
    old.page(1_500);
    world.end.welcome();
    expect(world.end.take('resume')['channels']['room:lobby']).toEqual(chatMark(210));
    expect(world.seen()).toEqual(range(11, 210));
  });

  test('a listener that leaves in the midst of a page is shown no more of it', () => {
    const world = resumedWithGap();
    world.core.on('message', ({ seq }) => {
      if (seq === 15) world.core.leave('lobby', () => {});
    });
    world.end.chat('lobby', 501);
    world.end.page(1_500);
    expect(world.seen()).toEqual(range(11, 15));
  });

  test('four gaps are read at once, more wait', () => {
    const world = new ClientWorld();
    world.up();
    for (const at of range(1, 6)) {
      world.core.join(`r${at}`, { since: 0 }, () => {});
      world.end.joined({ seq: 1_005, gap: { from: 1, to: 5 } });
    }
    expect(world.end.frames.filter(({ type }) => type === 'history')).toHaveLength(4);
    while (world.end.has('history')) world.end.page(5);
    for (const at of range(1, 6)) expect(world.seen(`r${at}`)).toEqual([1, 2, 3, 4, 5]);
  });
});
