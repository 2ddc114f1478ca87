import { expect, test } from 'vitest';
import type { Address } from '../../src/runtime/ports/actor.ts';
import { Program } from '../support/program.ts';

test('[JW4] who is joined, and whom the log refuses to read, is looked at anew and put off', () => {
  const program = new Program();
  const ask = (message: object): void => {
    program.system.ask('room:p' as Address<object>, message, { deadlineMs: 10_000 }, () => {});
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

test('[JW4] whoever is only asking to come in makes nobody’s right be read anew', () => {
  const program = new Program();
  let reads = 0;
  program.hook = ({ name }) => {
    if (name === 'membership' || name.startsWith('room')) reads++;
    return false;
  };
  const request = { type: 'create', creator: 'bob', access: 'private', members: ['ann'], metadata: '{}' };
  program.system.ask('room:p' as Address<object>, request, { deadlineMs: 10_000 }, () => {});
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
