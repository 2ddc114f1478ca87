import { beforeEach, describe, expect, test } from 'vitest';
import { PrivateRooms } from '../../src/actors/log/private-rooms.ts';
import type { Address } from '../../src/runtime/ports/actor.ts';
import type { StoreCalls } from '../../src/runtime/ports/log-store.ts';
import { Program } from '../support/program.ts';

// A private room whose record the store has lost (D21), under a node that has known it.

type Snapshot = ReturnType<Program['world']['store']['snapshot']>;

let p: Program;
let requests = 0;

/** What a request to the room's home is answered. */
function ask(room: string, message: object): any {
  let body: unknown;
  p.system.ask(`room:${room}` as Address<object>, message, { deadlineMs: 10_000, lane: 'user' }, (answer) => {
    body = answer.ok ? answer.body : answer.reason;
  });
  p.settle();
  return body;
}

const create = (room: string, creator: string, access = 'private', isAdmin = false): any =>
  ask(room, { type: 'create', creator, isAdmin, access, members: ['ann'], metadata: '{}' });

/** The code that a request on a connection is answered, or its type. */
function said(connection: number, frame: object): string {
  const id = `q${++requests}`;
  p.frame(connection, { ...frame, id });
  const reply = p.frames(connection).find((one) => one.id === id);
  return (reply?.code ?? reply?.type) as string;
}

const uses = (connection: number): string[] =>
  [{ type: 'join' }, { type: 'chat', content: 'x' }, { type: 'history' }, { type: 'presence' }].map((frame) =>
    said(connection, { ...frame, room: 'p' }),
  );

const everything = (connection: number): string[] => [
  ...uses(connection),
  said(connection, { type: 'create', room: 'p', access: 'public' }),
];

const NOWHERE = Array.from({ length: 5 }, () => 'not_found');

const left = (connection: number): any[] =>
  p.frames(connection).filter(({ action, data }) => action === 'left' && data.reason === 'removed');

/** Only what is said of rooms is lost. */
function loseRecords({ rooms, members }: Snapshot): void {
  p.world.store.restore({ ...p.world.store.snapshot(), rooms, members });
}

const timelineChanged = (room = 'p'): void => {
  for (const to of [`room:${room}`, `relay:room:${room}`]) p.tell(to, { type: 'timelineChanged' });
  p.settle();
};

let nothing: Snapshot;
beforeEach(() => {
  p = new Program();
  nothing = p.world.store.snapshot();
});

describe.each([true, false])('[JW4] rooms are made automatically: %s', (autoCreate) => {
  let bob: number, ann: number, root: number, eve: number;
  beforeEach(() => {
    p = new Program({ autoCreate });
    expect(create('p', 'bob')).toEqual({});
    [bob, ann, eve] = [p.connect('bob'), p.connect('ann'), p.connect('eve')];
    root = p.connect('root', true);
    for (const number of [bob, ann, root]) expect(said(number, { type: 'join', room: 'p' })).toBe('ack');
    expect(said(eve, { type: 'join', room: 'p' })).toBe('forbidden');
  });

  const isOver = (): void => {
    for (const number of [bob, ann, root]) expect(left(number)).toHaveLength(1);
    for (const number of [bob, ann, root]) expect(uses(number)).toEqual(NOWHERE.slice(1));
    for (const number of [ann, eve]) expect(everything(number)).toEqual(NOWHERE);
    expect(ask('p', { type: 'setMember', user: 'eve', isMember: true })).toMatchObject({
      error: 'not_found',
    });
    expect(ask('p', { type: 'ban', user: 'eve', until: null })).toMatchObject({ error: 'not_found' });
    expect(p.world.store.snapshot().rooms.size).toBe(0);
  };

  test('[JW4] after a change of the timeline the members are off, and no user makes the room public', () => {
    p.chat('p', 'm1');
    p.settle();
    loseRecords(nothing);
    timelineChanged();
    isOver();
  });

  test('[JW4] nothing was ever written to it', () => {
    loseRecords(nothing);
    timelineChanged();
    isOver();
  });

  test('[JW4] its channel is lost too: the next generation of its home does not admit them again', () => {
    p.chat('p', 'm1');
    p.settle();
    p.world.store.restore(nothing);
    timelineChanged();
    p.advance(2_000);
    isOver();
  });

  test('[JW4] an append that fails says so', () => {
    p.chat('p', 'm1');
    p.settle();
    loseRecords(nothing);
    p.hook = (call) => call.name === 'append' && (call.fail('unknown'), (p.hook = undefined), true);
    p.chat('p', 'm2');
    p.settle();
    p.advance(1_000);
    // It was taken before: it is stored, and nobody can read it.
    expect(p.said('m2')).toEqual([2]);
    isOver();
  });

  test('[JW4] a member who reads reports the lost room', () => {
    loseRecords(nothing);
    expect(said(ann, { type: 'history', room: 'p' })).toBe('not_found');
    isOver();
  });

  test('[JW4] a chat on its way as the timeline changes makes no record', () => {
    loseRecords(nothing);
    const held: (() => void)[] = [];
    p.hook = (call) => call.name === 'claim' && (held.push(() => call.answer()), true);
    p.frame(ann, { type: 'chat', id: 'under-way', room: 'p', content: 'x' });
    p.tell('room:p', { type: 'timelineChanged' });
    p.settle();
    p.hook = undefined;
    for (const answer of held) answer();
    p.settle();
    p.advance(2_000);
    isOver();
  });

  test.each([false, true])(
    '[JW4] no home of the room is left; the actor that asks the log has crashed: %s',
    (crashed) => {
      p.advance(400_000);
      loseRecords(nothing);
      if (crashed) p.tell('log', { type: 'boom' });
      p.advance(1_000);
      for (const user of ['eve', 'ann']) expect(everything(p.connect(user))).toEqual(NOWHERE);
    },
  );

  test.each([
    ['its creator', 'bob', false],
    ['an admin', 'root', true],
  ])('[JW4] %s makes it again, with what is in it', (_, user, isAdmin) => {
    p.chat('p', 'm1');
    p.settle();
    loseRecords(nothing);
    timelineChanged();
    const maker = user === 'bob' ? bob : root;
    expect(said(eve, { type: 'create', room: 'p', access: 'private' })).toBe('not_found');
    expect(said(maker, { type: 'create', room: 'p', access: 'private', members: ['ann'] })).toBe('ack');
    expect(said(maker, { type: 'history', room: 'p' })).toBe('history');
    expect(said(ann, { type: 'join', room: 'p' })).toBe('ack');
    expect(everything(eve)).toEqual(['forbidden', 'forbidden', 'forbidden', 'forbidden', 'already_exists']);
    // It is lost once more: now it is whose it was made.
    loseRecords(nothing);
    timelineChanged();
    expect(create('p', isAdmin ? 'bob' : 'carl')).toMatchObject({ error: 'not_found' });
    expect(create('p', user)).toEqual({});
  });

  test('[JW4] a user who is no member any more is removed by the ordinary rule', () => {
    const before = p.world.store.snapshot();
    expect(ask('p', { type: 'setMember', user: 'eve', isMember: true })).toEqual({});
    expect(said(eve, { type: 'join', room: 'p' })).toBe('ack');
    loseRecords(before);
    timelineChanged();
    expect(left(eve)).toHaveLength(1);
    for (const number of [ann, bob, root]) expect(left(number)).toHaveLength(0);
    expect(said(eve, { type: 'history', room: 'p' })).toBe('forbidden');
  });

  test('[JW4] one that is deleted and made again as a public one is public, also when that is lost', () => {
    const member = { type: 'join', room: 'p' };
    expect(ask('p', { type: 'delete' })).toEqual({});
    expect(create('p', 'carl', 'public')).toEqual({});
    expect([ann, eve].map((number) => said(number, member))).toEqual(['ack', 'ack']);
    loseRecords(nothing);
    timelineChanged();
    expect(left(eve)).toHaveLength(autoCreate ? 0 : 1);
    expect(said(eve, { type: 'chat', room: 'p', content: 'x' })).toBe(autoCreate ? 'ack' : 'not_found');
  });

  test('[JW4] the deletion is what is lost, and the record after it', () => {
    p.chat('p', 'm1');
    p.settle();
    expect(ask('p', { type: 'delete' })).toEqual({});
    p.advance(400_000);
    loseRecords(nothing);
    expect(everything(p.connect('eve'))).toEqual(NOWHERE);
  });

  test('[JW4] the application deletes the rest of the room: any user can make a room of that name again', () => {
    p.chat('p', 'm1');
    p.settle();
    loseRecords(nothing);
    timelineChanged();
    expect(ask('p', { type: 'delete' })).toEqual({});
    expect(p.log('p')).toEqual([]);
    expect(said(eve, { type: 'create', room: 'p', access: 'public' })).toBe('ack');
    expect(said(eve, { type: 'history', room: 'p' })).toBe('history');
  });
});

test('[FR7] a public room whose record was lost is made anew by its next message', () => {
  const eve = p.connect('eve');
  said(eve, { type: 'join', room: 'open' });
  p.chat('open', 'm1');
  p.settle();
  loseRecords(nothing);
  timelineChanged('open');
  expect(said(eve, { type: 'chat', room: 'open', content: 'x' })).toBe('ack');
  expect(p.world.store.snapshot().rooms.get('open')).toMatchObject({ access: 'public' });
  expect(said(eve, { type: 'history', room: 'open' })).toBe('history');
});

test('[FR7] a room with messages and without a record is not new, even if no process remembers its access', () => {
  create('p', 'bob');
  p.chat('p', 'm1');
  p.settle();
  const { channels } = p.world.store.snapshot();
  p = new Program();
  p.world.store.restore({ ...nothing, channels });
  const eve = p.connect('eve');
  expect(said(eve, { type: 'join', room: 'p' })).toBe('not_found');
  expect(said(eve, { type: 'chat', room: 'p', content: 'x' })).toBe('not_found');
  expect(create('p', 'bob')).toMatchObject({ error: 'not_found' });
  expect(create('p', 'root', 'private', true)).toEqual({});
});

test('[FR7] of more private rooms than are remembered the one that was heard of longest ago is forgotten', () => {
  const known = new PrivateRooms(2);
  const record = { access: 'private', metadata: '{}', creator: 'bob', isDeleted: false } as const;
  const heard = (...rooms: string[]): void => {
    const value = { records: new Map(rooms.map((room) => [room, record])), losses: 0 };
    known.heard({ call: 'rooms', rooms }, { ok: true, value });
  };
  const lost = (): unknown[] => {
    const rooms = ['a', 'b', 'c'];
    const reply = known.heard(
      { call: 'rooms', rooms },
      { ok: true, value: { records: new Map(), losses: 0 } },
    );
    return reply.ok ? [...(reply.value as StoreCalls['rooms']['reply']).records.keys()] : [];
  };
  heard('a', 'b');
  heard('a');
  expect(lost()).toEqual(['a', 'b']);
  heard('c');
  expect(lost()).toEqual(['a', 'c']);
});

describe('[JW4] [JW6] a private room whose record is lost, with an application that grants everything', () => {
  test('[JW4] [JW6] what it grants opens nothing: the room is nowhere, for members, strangers and admins', () => {
    const asked: string[] = [];
    p = new Program({ hooks: { asked: new Set(['authorize']), deadlineMs: 1_000 } });
    p.world.ports.hooks.ask = (question, _deadlineMs, done) => {
      if (question.hook === 'authorize') asked.push(question.action);
      done({ type: 'answered', json: 'true' });
    };
    create('p', 'bob');
    const [bob, ann, eve] = [p.connect('bob'), p.connect('ann'), p.connect('eve')];
    const root = p.connect('root', true);
    for (const number of [bob, ann, root]) expect(said(number, { type: 'join', room: 'p' })).toBe('ack');
    expect(said(bob, { type: 'chat', room: 'p', content: 'secret' })).toBe('ack');
    loseRecords(nothing);
    timelineChanged();
    for (const number of [bob, ann, root]) expect(left(number)).toHaveLength(1);
    asked.length = 0;
    for (const number of [bob, root]) expect(uses(number)).toEqual(NOWHERE.slice(1));
    for (const number of [ann, eve]) expect(everything(number)).toEqual(NOWHERE);
    // About a message it is not asked where nobody may write.
    expect(new Set(asked)).toEqual(new Set(['join', 'read', 'presence', 'create']));
    expect(said(bob, { type: 'create', room: 'p', access: 'private' })).toBe('ack');
    expect(said(eve, { type: 'join', room: 'p' })).toBe('forbidden');
    expect(said(bob, { type: 'join', room: 'p' })).toBe('ack');
  });

  test('[JW4] [JW6] a message that waits for it as the record is lost is not stored, and makes no record', () => {
    p = new Program({ hooks: { asked: new Set(['authorize']), deadlineMs: 1_000 } });
    create('p', 'bob');
    const bob = p.connect('bob');
    let say = (): void => {};
    p.world.ports.hooks.ask = (_question, _deadlineMs, done) =>
      void (say = () => done({ type: 'answered', json: 'true' }));
    p.frame(bob, { type: 'chat', id: 'm', room: 'p', content: 'x' });
    loseRecords(nothing);
    timelineChanged();
    say();
    p.settle();
    expect(p.frames(bob).find(({ id }) => id === 'm')).toMatchObject({ type: 'error', code: 'not_found' });
    expect([p.log('p'), p.world.store.snapshot().rooms.size]).toEqual([[], 0]);
  });
});
