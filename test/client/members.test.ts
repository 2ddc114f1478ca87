import { describe, expect, test } from 'vitest';
import type { Members } from '../../client/src/core.ts';
import { answers, ClientWorld, type ServerEnd } from '../support/client-world.ts';

// Who is in a room, as a list that is kept: by what is told, and read again after each reconnect.

const SINCE = '2026-01-01T00:00:00.000Z';
const LATER = '2026-01-01T00:01:00.000Z';

/** Those whose name ends with `?` are suspect. */
const members = (names: readonly string[]): object[] =>
  names.map((name) => ({
    user: name.replace('?', ''),
    state: name.endsWith('?') ? 'suspect' : 'alive',
    since: SINCE,
    devices: 1,
  }));

const answer = (end: ServerEnd, names: readonly string[], total = names.length): void => {
  const asked = end.take('presence');
  const page = { members: members(names), total, more: total > names.length };
  end.push({ type: 'presence', id: asked['id'], room: asked['room'], ...page });
};

const push = (end: ServerEnd, action: string, data: object, room = 'lobby'): void =>
  end.push({ type: 'notification', action, room, data });

const shown = ({ users }: Members): string[] | undefined =>
  users?.map(({ user, state }) => (state === 'suspect' ? `${user}?` : user));

/** In a room of which the list was read. */
const listed = (...names: string[]): { world: ClientWorld; list: Members } => {
  const world = new ClientWorld();
  const end = world.inRoom();
  const { done, results } = answers<Members>();
  world.core.members('lobby', done);
  answer(end, names);
  const [result] = results;
  if (!result?.ok) throw new Error('it was not read');
  return { world, list: result.value };
};

const back = (world: ClientWorld): ServerEnd => {
  const end = world.again();
  world.up();
  return end;
};

const FORWARDED = new Set(['joined', 'left', 'presence', 'members']);
const told = (world: ClientWorld): unknown[] =>
  world.told.flatMap(([name, { room: _, ...event }]) => (FORWARDED.has(name) ? [[name, event]] : []));

describe('a list of who is in a room', () => {
  test('[PU2] is read once, and kept current by notifications', () => {
    const { world, list } = listed('alice', 'bob', 'carol?');
    expect([list.count, shown(list), list.isCurrent]).toEqual([3, ['alice', 'bob', 'carol?'], true]);
    push(world.end, 'joined', { users: ['zoe', 'dave'] });
    push(world.end, 'left', { users: ['bob'] });
    push(world.end, 'presence', { user: 'carol', state: 'alive', since: LATER });
    expect(shown(list)).toEqual(['alice', 'carol', 'dave', 'zoe']);
    expect(list.count).toBe(4);
    expect(world.end.has('presence')).toBe(false);
    const again = answers<Members>();
    world.core.members('lobby', again.done);
    expect(again.results).toEqual([{ ok: true, value: list }]);
    expect(world.end.has('presence')).toBe(false);
  });

  test('notifications during the read apply on top of the answer', () => {
    const world = new ClientWorld();
    const end = world.inRoom();
    const { done, results } = answers<Members>();
    world.core.members('lobby', done);
    push(end, 'joined', { users: ['dave'] });
    push(end, 'left', { users: ['bob'] });
    push(end, 'presence', { user: 'carol', state: 'suspect', since: LATER });
    push(end, 'presence', { user: 'nobody', state: 'suspect', since: LATER });
    answer(end, ['alice', 'bob', 'carol']);
    const [result] = results;
    expect(result?.ok && shown(result.value)).toEqual(['alice', 'carol?', 'dave']);
    // Nothing of it is held back meanwhile.
    expect(told(world)).toHaveLength(4);
  });

  test('what it knows already is not told again', () => {
    const { world, list } = listed('alice', 'bob');
    push(world.end, 'joined', { users: ['bob'] });
    push(world.end, 'left', { users: ['eve'] });
    push(world.end, 'presence', { user: 'bob', state: 'alive', since: LATER });
    push(world.end, 'joined', { users: ['bob', 'carol'] });
    expect(told(world)).toEqual([['joined', { users: ['carol'] }]]);
    expect(shown(list)).toEqual(['alice', 'bob', 'carol']);
  });

  test('after a reconnect it is read again, and the differences are reported', () => {
    const { world, list } = listed('alice', 'bob', 'carol', 'dave');
    world.end.close();
    expect([list.isCurrent, shown(list)]).toEqual([false, ['alice', 'bob', 'carol', 'dave']]);
    world.rest();
    const { end } = world;
    world.up();
    expect(list.isCurrent).toBe(false);
    // It is said at once of the old list, and is no news in the new one.
    push(end, 'joined', { users: ['eve'] });
    answer(end, ['alice', 'carol?', 'dave', 'fred?']);
    expect([list.isCurrent, shown(list)]).toEqual([true, ['alice', 'carol?', 'dave', 'eve', 'fred?']]);
    expect(told(world)).toEqual([
      ['joined', { users: ['eve'] }],
      ['left', { users: ['bob'] }],
      ['joined', { users: ['fred'] }],
      ['presence', { user: 'carol', state: 'suspect', since: SINCE }],
      ['presence', { user: 'fred', state: 'suspect', since: SINCE }],
      ['members', { count: 5, users: ['alice', 'carol', 'dave', 'fred', 'eve'] }],
    ]);
  });

  test('the client’s own user is not reported', () => {
    const { world, list } = listed('bob');
    const end = back(world);
    answer(end, ['alice', 'bob']);
    expect(told(world)).toEqual([['members', { count: 2, users: ['alice', 'bob'] }]]);
    expect(shown(list)).toEqual(['alice', 'bob']);
  });

  test('a room that is about to take one back, and names one not, does not put one off the list', () => {
    const { world, list } = listed('bob');
    expect(shown(list)).toEqual(['alice', 'bob']);
    push(world.end, 'members', { count: 2, users: ['bob', 'carol'] });
    expect([list.count, shown(list)]).toEqual([3, ['alice', 'bob', 'carol']]);
    expect(told(world)).toEqual([
      ['joined', { users: ['carol'] }],
      ['members', { count: 3, users: ['bob', 'carol', 'alice'] }],
    ]);
  });

  test('[LM9] in a large room it is a number; named again, the differences to the earlier names are reported', () => {
    const { world, list } = listed('alice', 'bob');
    push(world.end, 'members', { count: 201 });
    expect([list.count, list.users]).toEqual([201, undefined]);
    push(world.end, 'members', { count: 3, users: ['alice', 'carol', 'dave'] });
    push(world.end, 'presence', { user: 'dave', state: 'suspect', since: LATER });
    expect([list.count, shown(list)]).toEqual([3, ['alice', 'carol', 'dave?']]);
    push(world.end, 'members', { count: 2, users: ['alice', 'erin'] });
    expect(told(world)).toEqual([
      ['members', { count: 201 }],
      ['members', { count: 3, users: ['alice', 'carol', 'dave'] }],
      ['presence', { user: 'dave', state: 'suspect', since: LATER }],
      ['left', { users: ['carol', 'dave'] }],
      ['joined', { users: ['erin'] }],
      ['members', { count: 2, users: ['alice', 'erin'] }],
    ]);
  });

  test('[LM9] a room of many is read as a number; one that has become so while one was away, too', () => {
    const { world, list } = listed('alice', 'bob');
    answer(back(world), ['alice', 'bob'], 250);
    expect([list.count, list.users, list.isCurrent]).toEqual([250, undefined, true]);
    expect(told(world)).toEqual([['members', { count: 250 }]]);
  });
});

describe('when it is read', () => {
  test('a room that is about to be joined is read when one is in, and not twice', () => {
    const world = new ClientWorld();
    world.core.join('lobby', {}, () => {});
    const { done, codes } = answers<Members>();
    world.core.members('lobby', done);
    world.up();
    expect(world.end.has('presence')).toBe(false);
    world.end.joined();
    answer(world.end, ['alice']);
    expect(codes()).toEqual(['ok']);
    expect(world.end.has('presence')).toBe(false);
  });

  test('a room that the client does not want is not_joined, an invalid name is refused here', () => {
    const world = new ClientWorld();
    world.up();
    const { done, codes } = answers<Members>();
    world.core.members('lobby', done);
    world.core.members('no name', done);
    world.core.members(7 as never, done);
    expect(codes()).toEqual(['not_joined', 'bad_frame', 'bad_frame']);
    expect(world.end.has('presence')).toBe(false);
  });

  test('a call waits no longer than 10 s; then the list is not kept', () => {
    const world = new ClientWorld({ joinTimeoutMs: 0 });
    world.core.join('lobby', {}, () => {});
    const { done, codes } = answers<Members>();
    world.core.members('lobby', done);
    world.pass(9_999);
    expect(codes()).toEqual([]);
    world.pass(1);
    expect(codes()).toEqual(['unavailable']);
    world.rest();
    world.up();
    world.end.joined();
    expect(world.end.has('presence')).toBe(false);
  });

  test('a temporary refusal is tried again; a call that waits fails with the reason in the end', () => {
    const world = new ClientWorld();
    const end = world.inRoom();
    const { done, results } = answers<Members>();
    world.core.members('lobby', done);
    end.refuse(end.take('presence'), 'rate_limited', 2_000);
    world.pass(1_999);
    expect(end.has('presence')).toBe(false);
    world.pass(1_000);
    end.refuse(end.take('presence'), 'unavailable', 60_000);
    world.pass(10_000);
    expect(results).toMatchObject([{ ok: false, error: { code: 'unavailable', message: 'unavailable' } }]);
  });

  test('after a reconnect the client asks for it until it gets it, with growing pauses', () => {
    const { world, list } = listed('alice', 'bob');
    const end = back(world);
    // A second, and half of 0.5, 1, 2, 4 and 8 s.
    for (const pauseMs of [1_250, 1_500, 2_000, 3_000, 5_000]) {
      end.refuse(end.take('presence'), 'unavailable');
      world.pass(pauseMs - 1);
      expect([end.has('presence'), list.isCurrent]).toEqual([false, false]);
      world.pass(1);
    }
    answer(end, ['alice']);
    expect([shown(list), list.isCurrent]).toEqual([['alice'], true]);
  });

  test('without the right to the list the first call fails, and a later loss is an error event; not asked again on this connection', () => {
    const world = new ClientWorld();
    const first = world.inRoom();
    const { done, codes } = answers<Members>();
    world.core.members('lobby', done);
    first.refuse(first.take('presence'), 'forbidden');
    expect(codes()).toEqual(['forbidden']);
    const other = listed('alice', 'bob');
    const end = back(other.world);
    end.refuse(end.take('presence'), 'forbidden');
    expect(other.world.events('error')).toMatchObject([{ code: 'forbidden' }]);
    other.world.pass(60_000);
    expect([end.has('presence'), other.list.isCurrent]).toEqual([false, false]);
    answer(back(other.world), ['alice']);
    expect(other.list.isCurrent).toBe(true);
  });

  test('four at once, however many rooms', () => {
    const world = new ClientWorld();
    world.up();
    const { done, codes } = answers<Members>();
    for (let at = 0; at < 9; at++) {
      world.core.join(`r${at}`, {}, () => {});
      world.end.joined();
      world.core.members(`r${at}`, done);
    }
    const asked = (): number => world.end.frames.filter(({ type }) => type === 'presence').length;
    expect(asked()).toBe(4);
    for (let at = 0; at < 9; at++) {
      answer(world.end, ['alice']);
      expect(asked()).toBe(Math.min(4, 8 - at));
    }
    expect(codes()).toHaveLength(9);
  });
});

describe('it is not kept any more', () => {
  const ends: [string, (world: ClientWorld, list: Members) => void][] = [
    ['once it is closed', (_, list) => list.close()],
    ['once one leaves', ({ core }) => core.leave('lobby', () => {})],
    ['once the room is deleted', ({ end }) => push(end, 'room_closed', {})],
    ['once one is put off', ({ end }) => push(end, 'left', { users: ['alice'], reason: 'removed' })],
  ];
  test.each(ends)('%s', (_, over) => {
    const { world, list } = listed('alice', 'bob');
    over(world, list);
    expect(list.isCurrent).toBe(false);
    push(world.end, 'joined', { users: ['carol'] });
    expect(shown(list)).toEqual(['alice', 'bob']);
    world.again();
    world.up();
    expect(world.end.has('presence')).toBe(false);
  });

  test('a listener that leaves in the midst of the differences gets no more of them', () => {
    const { world } = listed('alice', 'bob');
    world.core.on('left', () => world.core.leave('lobby', () => {}));
    answer(back(world), ['alice', 'carol']);
    expect(told(world)).toEqual([['left', { users: ['bob'] }]]);
  });

  test('a call that waits for it fails when the room is left, or the client closed', () => {
    const world = new ClientWorld();
    world.core.join('lobby', {}, () => {});
    world.core.join('den', {}, () => {});
    const { done, codes } = answers<Members>();
    world.core.members('lobby', done);
    world.core.members('den', done);
    world.core.leave('lobby', () => {});
    expect(codes()).toEqual(['not_joined']);
    world.core.close();
    expect(codes()).toEqual(['not_joined', 'closed']);
    expect(world.timers.size).toBe(0);
  });

  test('a thousand wait for a list at most', () => {
    const world = new ClientWorld();
    world.core.join('lobby', {}, () => {});
    const { done, codes } = answers<Members>();
    for (let at = 0; at <= 1_000; at++) world.core.members('lobby', done);
    expect(codes()).toEqual(['queue_full']);
  });
});
