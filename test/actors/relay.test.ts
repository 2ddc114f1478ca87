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
