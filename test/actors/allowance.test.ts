import { expect, test } from 'vitest';
import { Program } from '../support/program.ts';

test('[LM6] a place that is given back is there for the next', async () => {
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
