import { afterEach, expect, test, vi } from 'vitest';
import { Effects } from '../../src/actors/kit/effects.ts';
import { Program } from '../support/program.ts';

type Asked = readonly { readonly to: string; readonly message: any }[];

/** Returns what actors have asked since, in order. */
function asks(): () => Asked {
  const spy = vi.spyOn(Effects.prototype, 'ask');
  return () => spy.mock.calls.map(([to, message]) => ({ to, message }));
}

afterEach(() => {
  vi.restoreAllMocks();
});

/** How many devices each question about a room names. */
const devicesAsked = (made: Asked): number[] =>
  made.filter(({ message }) => message.type === 'enter').map(({ message }) => message.devices.length);

test('[RQ1] joins that come in one slice are one question to the home of the room', () => {
  const program = new Program();
  const numbers = ['ann', 'ben', 'cas', 'dan'].map((user) => program.connect(user));
  const made = asks();
  for (const number of numbers)
    program.inbox.frame(number, JSON.stringify({ type: 'join', id: 'j', room: 'r' }));
  program.settle();
  expect(devicesAsked(made())).toEqual([4]);
  for (const number of numbers)
    expect(program.frames(number).find(({ id }) => id === 'j')).toMatchObject({ type: 'ack', seq: 0 });
  expect(program.present(numbers[0]!, 'r')).toEqual(['ann', 'ben', 'cas', 'dan']);
});

test('each device of a question has its own answer', () => {
  const program = new Program();
  const room = { creator: 'ann', access: 'private', members: ['cas'], metadata: '{}' } as const;
  program.world.store.call('createRoom', { room: 'r', ...room }, 0, () => {});
  const numbers = ['ann', 'ben', 'cas'].map((user) => program.connect(user));
  const made = asks();
  for (const number of numbers)
    program.inbox.frame(number, JSON.stringify({ type: 'join', id: 'j', room: 'r' }));
  program.settle();
  expect(devicesAsked(made())).toEqual([3]);
  const replies = numbers.map((number) => program.frames(number).find(({ id }) => id === 'j'));
  expect(replies.map(({ type, code }) => code ?? type)).toEqual(['ack', 'forbidden', 'ack']);
  expect(program.present(numbers[0]!, 'r')).toEqual(['ann', 'cas']);
});

test('[D5] a home that begins anew is asked for all subscribers of a node in pages', () => {
  const program = new Program();
  const numbers = Array.from({ length: 1_100 }, (_, n) => program.connect(`u${n}`));
  for (const number of numbers) program.frame(number, { type: 'join', id: 'j', room: 'r' });
  program.chat('r', 'm1');
  program.settle();
  const made = asks();
  program.tell('room:r', { type: 'boom' });
  program.advance(1_000);
  expect(devicesAsked(made())).toEqual([500, 500, 100]);
  // Each page may come from another generation of the home, so what was shown is compared with the log again.
  expect(made().filter(({ message }) => message.type === 'place').length).toBeLessThanOrEqual(3);
  program.chat('r', 'm2');
  program.settle();
  for (const number of numbers)
    expect(program.frames(number).filter(({ type }) => type === 'chat').length).toBe(2);
});

test('[RQ3] the home is not asked about a connection that has ended before', () => {
  const program = new Program();
  const [ann, ben] = [program.connect('ann'), program.connect('ben')];
  program.frame(ann, { type: 'join', id: 'j', room: 'r' });
  const made = asks();
  program.inbox.frame(ben, JSON.stringify({ type: 'join', id: 'j', room: 'r' }));
  program.inbox.closed(ben, 1000);
  program.settle();
  expect(program.present(ann, 'r')).toEqual(['ann']);
  expect(devicesAsked(made()).every((count) => count <= 1)).toBe(true);
});
