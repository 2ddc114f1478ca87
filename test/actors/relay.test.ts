import { expect, test } from 'vitest';
import { Program, type HeldCall } from '../support/program.ts';

test('[RQ1] a connection that is joined already gets a head that is not behind the messages it has', () => {
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

test('[RQ1] [PU2] a connection that is joined already and still catches up learns where it is, not the head', () => {
  const program = new Program();
  for (const id of ['m1', 'm2', 'm3']) program.chat('r', id);
  program.settle();
  const number = program.connect('ann');
  const pages: HeldCall[] = [];
  program.hook = (call) => call.name === 'page' && pages.push(call) > 0;
  program.frame(number, { type: 'join', id: '1', room: 'r', since: 1 });
  program.frame(number, { type: 'join', id: '2', room: 'r', since: 1 });
  // It may read up to the seq by itself. A message behind that may be lost before it is sent, and no reset would follow.
  expect(program.frames(number).at(-1)).toMatchObject({ type: 'ack', id: '2', seq: 1, already: true });
  program.hook = undefined;
  for (const page of pages) page.answer();
  program.settle();
  program.frame(number, { type: 'join', id: '3', room: 'r', since: 1 });
  expect(program.frames(number).at(-1)).toMatchObject({ type: 'ack', id: '3', seq: 3, already: true });
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

test('[RQ1] a connection that names no position gets the head of the home, without a read of the log', () => {
  const program = new Program();
  program.chat('r', 'm1');
  program.settle();
  const calls: string[] = [];
  program.hook = (call) => calls.push(call.name) < 0;
  const number = program.connect('ann');
  program.frame(number, { type: 'join', id: 'j', room: 'r' });
  expect(program.frames(number).find(({ id }) => id === 'j')).toMatchObject({ type: 'ack', seq: 1 });
  expect(calls).not.toContain('heads');
  expect(calls).not.toContain('places');
  program.chat('r', 'm2');
  program.settle();
  expect(program.frames(number).at(-1)).toMatchObject({ type: 'chat', seq: 2 });
});

test('[RQ1] while the home is in doubt of the log, the head is read', () => {
  const program = new Program();
  const number = program.connect('ann');
  program.chat('r', 'm1');
  program.settle();
  const calls: string[] = [];
  // The append is stored, which its answer does not say, and the claim that would settle it is not answered.
  program.hook = (call) => {
    calls.push(call.name);
    if (call.name === 'append') call.commit().fail('unknown');
    return call.name === 'append' || call.name === 'claim';
  };
  program.chat('r', 'm2');
  program.advance(10_000);
  expect(calls).toEqual(expect.arrayContaining(['append', 'claim']));
  program.frame(number, { type: 'join', id: 'j', room: 'r' });
  program.settle();
  expect(calls).toContain('heads');
  expect(program.frames(number).at(-1)).toMatchObject({ type: 'ack', id: 'j', seq: 2 });
});

test('[JW4] a relay that crashes as it puts people off does so after its restart', () => {
  const program = new Program();
  const number = program.connect('ann');
  program.frame(number, { type: 'join', id: '1', room: 'r' });
  program.chat('r', 'm1');
  program.settle();
  program.crashOver = 'evict';
  void program.ask('room:r', { type: 'delete' });
  program.settle();
  expect(program.crashOver).toBeUndefined();
  program.advance(300);
  expect(program.world.sockets.closed.get(number)).toBeUndefined();
  expect(program.frames(number).at(-1)).toMatchObject({ action: 'room_closed' });
});
