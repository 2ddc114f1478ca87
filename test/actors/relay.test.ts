import { expect, test } from 'vitest';
import { Program, type HeldCall } from '../support/program.ts';

test('[RQ1] who is joined already is told a head that is not behind what he was shown', () => {
  const program = new Program();
  const number = program.connect('ann');
  program.frame(number, { type: 'join', id: '1', room: 'r' });
  const heads: HeldCall[] = [];
  program.hook = (call) => call.name === 'heads' && heads.push(call.commit()) > 0;
  program.frame(number, { type: 'join', id: '2', room: 'r' });
  program.chat('r', 'm1');
  program.settle();
  expect(program.frames(number).at(-1)).toMatchObject({ type: 'chat', seq: 1 });
  for (const head of heads) head.answer();
  program.settle();
  expect(program.frames(number).at(-1)).toMatchObject({ type: 'ack', id: '2', seq: 1, already: true });
});

test('[RQ1] [RQ2] positions are held against the log by one read for all who ask at once, and numbers by none', () => {
  const program = new Program();
  for (const id of ['m1', 'm2', 'm3']) program.chat('r', id);
  program.settle();
  const calls: HeldCall[] = [];
  program.hook = (call) => {
    if (call.name === 'heads' || call.name === 'places') calls.push(call);
    return false;
  };
  const numbers = ['ann', 'ben', 'cas', 'dan', 'eve'].map((user) => program.connect(user));
  // All that comes in within one slice.
  const join = (at: number, since: unknown): void =>
    void program.inbox.frame(numbers[at]!, JSON.stringify({ type: 'join', id: '1', room: 'r', since }));
  join(0, 2);
  join(1, 1);
  program.settle();
  expect(calls.map(({ name }) => name)).not.toContain('places');
  calls.length = 0;
  join(2, { seq: 2, id: 'm2' });
  join(3, { seq: 2, id: 'other' });
  join(4, { seq: 1, id: 'm1' });
  program.settle();
  expect(calls.map(({ name }) => name)).toEqual(['places']);
  const acks = numbers.map((number) => program.frames(number).find(({ id }) => id === '1'));
  expect(acks.map((ack) => ack?.['reset'])).toEqual([undefined, undefined, undefined, true, undefined]);
});

test('[JW4] a relay that crashes as it puts people off tells them of the crash', () => {
  const program = new Program();
  const number = program.connect('ann');
  program.frame(number, { type: 'join', id: '1', room: 'r' });
  program.chat('r', 'm1');
  program.settle();
  program.crashOver = 'evict';
  void program.ask('room:r', { type: 'delete' });
  program.settle();
  expect(program.crashOver).toBeUndefined();
  // Told that the room is closed or not: its connection is over, and whoever comes back learns the truth.
  expect(program.world.sockets.closed.get(number)).toMatchObject({ code: 1011 });
});
