import { expect, test } from 'vitest';
import { Program } from '../support/program.ts';

test('[LM6] a reserved place that is cancelled is free for the next connection', async () => {
  const program = new Program({ allowance: { messagesPerMinute: 0, connectionsMax: 2 } });
  const admit = async (): Promise<boolean> => {
    const answer = program.ask('user:ann', { type: 'admit', isKept: true });
    program.settle();
    return !(await answer).body.isFull;
  };
  expect([await admit(), await admit(), await admit()]).toEqual([true, true, false]);
  program.tell('user:ann', { type: 'giveBack' });
  expect([await admit(), await admit()]).toEqual([true, false]);
  // More than were kept are not to be had.
  for (let at = 0; at < 5; at++) program.tell('user:ann', { type: 'giveBack' });
  expect([await admit(), await admit(), await admit()]).toEqual([true, true, false]);
});

test('[LM6] a connection that comes back to a restarted home does not take a place that is reserved for another', async () => {
  const program = new Program({ allowance: { messagesPerMinute: 0, connectionsMax: 2 } });
  const ask = (type: string, fields: object): Promise<any> => {
    const answer = program.ask('user:ann', { type, ...fields });
    program.settle();
    return answer;
  };
  const device = { user: 'ann', isAdmin: false, state: 'alive' };
  const enter = (entering: object) => ask('enter', { incarnation: 'n1.x', devices: [entering] });
  expect((await ask('admit', { isKept: true })).body).toEqual({ isFull: false });
  await enter({ ...device, address: 'conn:n1.x.1', isAgain: true });
  expect((await ask('admit', { isKept: false })).body).toEqual({ isFull: true });
  // The one that was let in makes a connection of its place.
  await enter({ ...device, address: 'conn:n1.x.2', isAgain: false });
  program.advance(20_000);
  expect((await ask('admit', { isKept: false })).body).toEqual({ isFull: true });
});
