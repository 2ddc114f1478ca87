import { expect, test } from 'vitest';
import { CONNECTION_LIMITS } from '../../src/actors/connection/context.ts';
import { Hibernating } from '../../src/actors/kit/hibernation.ts';
import { Program } from '../support/program.ts';

/** Whether an actor is reduced to what it has to remember. */
function isHibernating(program: Program, address: string): boolean {
  const state = program.system.cell(address)?.state;
  expect(state).toBeInstanceOf(Hibernating);
  return (state as Hibernating<unknown, unknown>).small !== undefined;
}

function charts(program: Program, address: string): unknown {
  const cell = program.system.cell(address);
  return cell?.behaviour.chartStates?.(cell.state).map(({ chart, state }) => `${chart} ${state.name}`);
}

function publish(program: Program, id: string): void {
  const entry = { id, sender: 'svc:test', content: '', data: '{}', sentAt: null };
  void program.ask('user:ann', { type: 'publish', entry, by: null });
  program.settle();
}

function events(program: Program, connection: number): string[] {
  const sent = program.frames(connection).filter(({ action }) => action === 'user_event');
  return sent.map(({ seq, id }) => `${seq} ${id}`);
}

/** The first request says where the channels of a connection begin. */
function listen(program: Program): number {
  const number = program.connect('ann');
  program.frame(number, { type: 'heartbeat', status: 'ping' });
  return number;
}

const ANN = ['user:ann', 'relay:user:ann'];

test('the home and the relay of a user who only listens hibernate, and the home keeps the states of its charts', () => {
  const program = new Program();
  const number = listen(program);
  expect(ANN.map((address) => isHibernating(program, address))).toEqual([true, true]);
  expect(charts(program, 'user:ann')).toEqual(['room alive', 'retry resting', 'user alive']);
  program.inbox.closed(number, 1006);
  program.settle();
  // The grace runs: the home waits for its end.
  expect(isHibernating(program, 'user:ann')).toBe(false);
  expect(charts(program, 'user:ann')).toEqual(['room alive', 'retry resting', 'user suspect.lost']);
});

test('an event wakes the home and the relay of a user, which pass it on and hibernate again', () => {
  const program = new Program();
  const numbers = [listen(program), listen(program)];
  for (const id of ['e1', 'e2']) {
    publish(program, id);
    expect(ANN.map((address) => isHibernating(program, address))).toEqual([true, true]);
  }
  for (const number of numbers) expect(events(program, number)).toEqual(['1 e1', '2 e2']);
});

test('a home that has to remember what its user has sent does not hibernate', () => {
  const program = new Program({
    allowance: { messagesPerMinute: 60, connectionsMax: 0 },
    connection: { ...CONNECTION_LIMITS, messagesPerMinute: 60 },
  });
  const number = listen(program);
  expect(isHibernating(program, 'user:ann')).toBe(true);
  program.frame(number, { type: 'chat', id: 'c1', room: 'r', content: 'hello' });
  program.settle();
  expect(isHibernating(program, 'user:ann')).toBe(false);
});

test('a relay that waits for the log does not hibernate', () => {
  const program = new Program();
  const number = listen(program);
  let answer: (() => void) | undefined;
  program.hook = (call) => {
    if (call.name !== 'places') return false;
    answer = () => call.answer();
    return true;
  };
  program.tell('relay:user:ann', { type: 'timelineChanged' });
  program.settle();
  expect(isHibernating(program, 'relay:user:ann')).toBe(false);
  answer?.();
  program.settle();
  expect(isHibernating(program, 'relay:user:ann')).toBe(true);
  expect(program.world.sockets.closed.get(number)).toBeUndefined();
});

test('a relay that crashes with the message that wakes it goes on where it was', () => {
  const program = new Program();
  const number = listen(program);
  let crashes = 1;
  program.throwsAt = ({ actor, message, isDone }) =>
    actor === 'relay:user:ann' && message.type === 'published' && !isDone && crashes > 0 && crashes-- > 0;
  publish(program, 'e1');
  program.advance(300);
  expect(crashes).toBe(0);
  expect(events(program, number)).toEqual(['1 e1']);
  expect(program.world.sockets.closed.get(number)).toBeUndefined();
});
