import { expect, test } from 'vitest';
import { Program } from '../support/program.ts';

// What a crowd is told beside the log goes out on the clock, a few at a time; the log does not wait for it.

const SIZE = 900;

const join = (program: Program, number: number): void =>
  program.frame(number, { type: 'join', id: 'j', room: 'r' });

/** A room of 900, at rest. */
function crowd(): { program: Program; all: number[]; told: () => number[] } {
  const program = new Program();
  const all = Array.from({ length: SIZE }, (_, n) => program.connect(`u${n}`));
  for (const number of all) join(program, number);
  program.advance(10_000);
  const counts = (number: number): number =>
    program.frames(number).filter(({ action }) => action === 'members').length;
  const before = new Map(all.map((number) => [number, counts(number)]));
  const told = (): number[] => all.filter((number) => counts(number) > (before.get(number) ?? 0));
  return { program, all, told };
}

/** Somebody comes; some of the others have been told of it, a quarter of a second later. */
function comes(program: Program, told: () => number[]): void {
  join(program, program.connect('late'));
  for (let waited = 0; waited < 400 && told().length === 0; waited += 20) program.advance(20);
  expect(told().length).toBeGreaterThan(0);
  expect(told().length).toBeLessThanOrEqual(400);
}

test('[LM9] all of a crowd get the number of members, a few connections at a time', () => {
  const { program, all, told } = crowd();
  comes(program, told);
  let before = told().length;
  for (let ticks = 0; ticks < 5; ticks++) {
    program.advance(20);
    expect(told().length - before).toBeLessThanOrEqual(400);
    before = told().length;
  }
  expect(told()).toEqual(all);
});

test('a message that comes meanwhile reaches all of them before the number', () => {
  const { program, all, told } = crowd();
  comes(program, told);
  expect(told().length).toBeLessThan(SIZE);
  program.chat('r', 'hello');
  program.settle();
  expect(told().length).toBeLessThan(SIZE);
  for (const number of all) expect(program.frames(number).at(-1)).toMatchObject({ id: 'hello' });
  program.advance(100);
  expect(told()).toEqual(all);
});

test('a connection whose socket is full while the others get the number gets it later', () => {
  const { program, all, told } = crowd();
  const [slow = 0] = all.slice(-1);
  comes(program, told);
  expect(told()).not.toContain(slow);
  program.world.sockets.shut.add(slow);
  program.inbox.congested(slow);
  program.chat('r', 'hello');
  program.advance(100);
  expect(told()).toEqual(all.slice(0, -1));
  program.world.sockets.shut.delete(slow);
  program.inbox.drained(slow);
  program.advance(6_000);
  expect(told()).toEqual(all);
});

test('a connection that leaves while the others get the number gets nothing more', () => {
  const { program, all, told } = crowd();
  const [gone = 0] = all.slice(-1);
  comes(program, told);
  program.frame(gone, { type: 'leave', id: 'l', room: 'r' });
  program.advance(100);
  expect(told()).toEqual(all.slice(0, -1));
});
