import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { OneATurn } from '../../src/transport/http/one-a-turn.ts';

test('those who wait go on one a turn of the event loop, in order', async () => {
  const turns = new OneATurn();
  const seen: string[] = [];
  const all = ['a', 'b', 'c'].map((name) => turns.next().then(() => seen.push(name)));
  expect(seen).toEqual([]);
  for (const so of [['a'], ['a', 'b'], ['a', 'b', 'c']]) {
    await turn();
    expect(seen).toEqual(so);
  }
  await Promise.all(all);
  // And anew, once all were served.
  await turns.next();
});
