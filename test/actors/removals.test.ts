import { beforeEach, describe, expect, test } from 'vitest';
import type { StoreCallName, StoreCalls } from '../../src/runtime/ports/log-store.ts';
import { Program, type HeldCall } from '../support/program.ts';

// Rights to rooms that another node has taken away, while its word of it is lost: this node reads it by number (D25).

/** Without Redis a removed user is off within this time (JW4, JW7). */
const OFF_MS = 2_500;

let p: Program;
beforeEach(async () => {
  p = new Program({ cluster: { takesHomes: true } });
  p.tell('lease', { type: 'start' });
  p.advance(5_000);
  await created('p', ['ann', 'bob', 'root']);
});

async function asked(message: object, room = 'p'): Promise<unknown> {
  const answer = p.ask(`room:${room}`, message);
  p.settle();
  return (await answer).body;
}

async function created(room: string, members: readonly string[]): Promise<void> {
  const request = { type: 'create', creator: 'zoe', isAdmin: false, access: 'private', metadata: '{}' };
  expect(await asked({ ...request, members }, room)).toEqual({});
}

/** As the home on another node does, whose publication is lost. */
function elsewhere<Name extends StoreCallName>(name: Name, request: StoreCalls[Name]['request']): void {
  p.world.store.call(name, request, 0, (reply) => expect(reply).toMatchObject({ ok: true }));
}

function removeElsewhere(user: string): void {
  elsewhere('setMember', { room: 'p', user, isMember: false });
}

function join(user: string, isAdmin = false, room = 'p'): number {
  const number = p.connect(user, isAdmin);
  p.frame(number, { type: 'join', id: 'j', room });
  expect(p.frames(number).at(-1)).toMatchObject({ type: 'ack', id: 'j' });
  return number;
}

/** What put a connection off. */
function off(number: number): unknown[] {
  return p
    .frames(number)
    .filter(
      ({ action, data }) => action === 'room_closed' || (action === 'left' && data?.reason === 'removed'),
    )
    .map(({ action, room }) => [action, room]);
}

test('[JW4] a removed user is off, with every connection and an admin too, and no other user is', () => {
  const [ann, second, bob, root] = [join('ann'), join('ann'), join('bob'), join('root', true)];
  removeElsewhere('ann');
  removeElsewhere('root');
  p.advance(OFF_MS);
  expect([ann, second, root, bob].map(off)).toEqual([[['left', 'p']], [['left', 'p']], [['left', 'p']], []]);
  // Once.
  p.advance(10_000);
  expect(off(ann)).toHaveLength(1);
});

test('[JW7] a banned user is off, unless the ban is over by then', () => {
  const [ann, bob] = [join('ann'), join('bob')];
  p.hook = ({ name }) => name === 'renew';
  const until = p.world.clock.wall() + 1_000;
  elsewhere('ban', { room: 'p', user: 'ann', until: null, createsRoom: false });
  elsewhere('ban', { room: 'p', user: 'bob', until, createsRoom: false });
  p.advance(1_001);
  p.hook = undefined;
  p.advance(OFF_MS);
  expect([ann, bob].map(off)).toEqual([[['left', 'p']], []]);
});

test('[JW4] every user of a deleted room is off, and of no other room', async () => {
  await created('q', ['ann']);
  const [ann, root] = [join('ann'), join('root', true)];
  p.frame(ann, { type: 'join', id: 'q', room: 'q' });
  const { epoch = 0, owner = '' } = p.world.store.row('room:p') ?? {};
  elsewhere('deleteRoom', { room: 'p', owner, epoch });
  p.advance(OFF_MS);
  expect([ann, root].map(off)).toEqual([[['room_closed', 'p']], [['room_closed', 'p']]]);
});

test('[JW4] a user is off although the actor that reads the numbers has begun anew meanwhile', () => {
  const ann = join('ann');
  p.hook = ({ name }) => name === 'renew';
  removeElsewhere('ann');
  p.tell('sessions', { type: 'boom' });
  p.advance(1_000);
  p.hook = undefined;
  p.advance(OFF_MS);
  expect(off(ann)).toHaveLength(1);
});

describe('[JW4] a user who is a member again', () => {
  /** The read of what was taken away by the removal of ann, on its way. */
  async function lateRead(): Promise<HeldCall> {
    let read: HeldCall | undefined;
    p.hook = (call) => call.name === 'revokedAfter' && (read = call.commit()) !== undefined;
    expect(await asked({ type: 'setMember', user: 'ann', isMember: false })).toEqual({});
    p.advance(1_500);
    p.hook = undefined;
    return read as HeldCall;
  }

  test('[JW4] stays on the room when the word of the removal comes late', async () => {
    const before = join('ann');
    const read = await lateRead();
    expect(off(before)).toHaveLength(1);
    expect(await asked({ type: 'setMember', user: 'ann', isMember: true })).toEqual({});
    const ann = join('ann');
    read.answer();
    p.advance(OFF_MS);
    expect(off(ann)).toEqual([]);
    expect(off(before)).toHaveLength(1);
  });

  test('[JW4] comes in while the word of the removal arrives', async () => {
    const read = await lateRead();
    expect(await asked({ type: 'setMember', user: 'ann', isMember: true })).toEqual({});
    // Its home is asked, and is gone: a new one reads the room first.
    const records: HeldCall[] = [];
    p.hook = (call) => call.name === 'rooms' && records.push(call) > 0;
    p.tell('room:p', { type: 'boom' });
    const ann = p.connect('ann');
    p.frame(ann, { type: 'join', id: 'j', room: 'p' });
    p.advance(1_000);
    p.hook = undefined;
    read.answer();
    p.settle();
    expect(p.frames(ann).find(({ id }) => id === 'j')).toBeUndefined();
    for (const record of records) record.answer();
    p.settle();
    expect(p.frames(ann).find(({ id }) => id === 'j')).toMatchObject({ type: 'ack' });
    expect(off(ann)).toEqual([]);
  });

  test('[JW4] and joins an admin’s way, stays too', async () => {
    const read = await lateRead();
    const ann = join('ann', true);
    read.answer();
    p.settle();
    expect(off(ann)).toEqual([]);
  });
});

test('[JW4] whom the home let in before it knew of the removal is refused', async () => {
  // The home's answer waits for another user's right.
  let membership: HeldCall | undefined;
  const [ann, eve] = [p.connect('ann'), p.connect('eve')];
  p.hook = (call) => call.name === 'membership' && (membership = call) !== undefined;
  p.inbox.frame(ann, JSON.stringify({ type: 'join', id: 'j', room: 'p' }));
  p.inbox.frame(eve, JSON.stringify({ type: 'join', id: 'j', room: 'p' }));
  p.settle();
  p.hook = undefined;
  expect(membership?.request.pairs).toEqual([{ room: 'p', user: 'eve' }]);
  expect(await asked({ type: 'setMember', user: 'ann', isMember: false })).toEqual({});
  membership?.answer();
  p.settle();
  expect(p.frames(ann).find(({ id }) => id === 'j')).toMatchObject({ type: 'error', code: 'forbidden' });
  p.chat('p', 'secret');
  p.settle();
  expect(p.frames(ann).filter(({ type }) => type === 'chat')).toEqual([]);
});
