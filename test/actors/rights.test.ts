import { expect, test } from 'vitest';
import { check, proceed } from '../../src/actors/home/continue.ts';
import { expel, recheckAll } from '../../src/actors/home/evictions.ts';
import { Effects } from '../../src/actors/kit/effects.ts';
import type { Address, Turn } from '../../src/runtime/ports/actor.ts';
import { Program } from '../support/program.ts';
import { privateRoom } from '../support/room-home.ts';

const turn = { now: 0, wall: 0, deadline: 10_000, random: () => 0.5 } as unknown as Turn;

test('[JW4] the home reads the right of a joined user again, to whom the log has refused a read, and removes the user', () => {
  const program = new Program();
  const ask = (message: object): void => {
    program.system.ask('room:p' as Address<object>, message, { deadlineMs: 10_000, lane: 'user' }, () => {});
    program.settle();
  };
  ask({ type: 'create', creator: 'bob', access: 'private', members: ['ann'], metadata: '{}' });
  const number = program.connect('ann');
  program.frame(number, { type: 'join', id: '1', room: 'p' });
  expect(program.frames(number).at(-1)).toMatchObject({ type: 'ack', id: '1' });
  // A removal that was given up, and is carried out later: the home does not hear of it.
  program.world.store.call('setMember', { room: 'p', user: 'ann', isMember: false }, 0, () => {});
  program.frame(number, { type: 'history', id: '2', room: 'p' });
  expect(program.frames(number).slice(-2)).toMatchObject([
    { type: 'error', id: '2', code: 'forbidden' },
    { type: 'notification', action: 'left', room: 'p', data: { users: ['ann'], reason: 'removed' } },
  ]);
  program.frame(number, { type: 'signal', id: '3', room: 'p', data: 1 });
  expect(program.frames(number).at(-1)).toMatchObject({ type: 'error', id: '3', code: 'not_joined' });
});

test('[JW4] a user who only asks to join causes no new read of a right', () => {
  const program = new Program();
  let reads = 0;
  program.hook = ({ name }) => {
    if (name === 'membership' || name.startsWith('room')) reads++;
    return false;
  };
  const request = { type: 'create', creator: 'bob', access: 'private', members: ['ann'], metadata: '{}' };
  program.system.ask('room:p' as Address<object>, request, { deadlineMs: 10_000, lane: 'user' }, () => {});
  program.settle();
  program.frame(program.connect('ann'), { type: 'join', id: '1', room: 'p' });
  const outsider = program.connect('eve');
  program.frame(outsider, { type: 'join', id: 'j', room: 'p' });
  reads = 0;
  for (let n = 1; n <= 10; n++) {
    program.inbox.frame(outsider, JSON.stringify({ type: 'history', id: `h${n}`, room: 'p' }));
    program.frame(outsider, { type: 'join', id: `j${n}`, room: 'p' });
  }
  expect(program.frames(outsider).at(-1)).toMatchObject({ type: 'error', code: 'forbidden' });
  expect(reads).toBe(0);
});

test('[JW4] a removed user is put off the channel even by a home that has not seen the user', () => {
  const out = new Effects();
  expel(privateRoom('p', turn), { user: 'ann', number: 7 }, turn, out);
  const message = { type: 'evict', users: ['ann'], spares: 'nobody', number: 7 };
  expect(out.effects.filter(({ type }) => type === 'publish')).toMatchObject([
    { type: 'publish', to: 'relay:room:p', message },
  ]);
});

test('[JW4] a right that cannot be read when all are checked again is read later', () => {
  const out = new Effects();
  const room = privateRoom('p', turn);
  room.presence.enter('conn:n1.1.1', { user: 'ann', isAdmin: false }, 'alive', turn);
  for (const next of recheckAll(room, turn, out)) check(room, next, turn, out);
  const context = (out.effects.find(({ type }) => type === 'ask') as any).context;
  const failed = { ok: true, body: { ok: false, failure: 'failed' } } as const;
  for (const decided of room.access.known(context, failed, turn, out)) proceed(room, decided, turn, out);
  expect(out.effects.at(-1)).toMatchObject({ type: 'arm', timer: 'record' });
  expect(room.presence.users()).toEqual(['ann']);
});

test('[D7] a room’s record is read after its channel is claimed, so a change in between is seen', () => {
  const program = new Program();
  const calls: string[] = [];
  program.hook = ({ name }) => {
    calls.push(name);
    return false;
  };
  program.chat('p', 'm');
  program.settle();
  expect(calls.filter((name) => name === 'claim' || name === 'rooms').slice(0, 2)).toEqual([
    'claim',
    'rooms',
  ]);
});
