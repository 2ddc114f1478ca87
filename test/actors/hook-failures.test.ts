import { expect, test } from 'vitest';
import { hooksBehaviour, type HooksMessage } from '../../src/actors/hooks/hooks.ts';
import type { StartContext, Turn } from '../../src/runtime/ports/actor.ts';
import type { HookName, HookQuestion } from '../../src/runtime/ports/hooks.ts';

const QUESTIONS: Readonly<Record<HookName, HookQuestion>> = {
  authorize: { hook: 'authorize', user: 'ann', claims: '{}', action: 'join', room: 'a' },
  beforeMessage: { hook: 'beforeMessage', user: 'ann', room: 'a', id: 'm', content: 'hi', data: null },
};

test('of each hook one failure a second is logged, with how many were not', () => {
  const asked = new Set(['authorize', 'beforeMessage'] as const);
  const hooks = hooksBehaviour({
    incarnation: 'n1.x',
    asked,
    deadlineMs: 1_000,
    frameBytes: 65_536,
    retryAfterMs: 1_000,
  });
  const [desk] = hooks.start({} as StartContext, {} as Turn);
  let calls = 0;
  const logged: unknown[] = [];
  const take = (message: HooksMessage, now: number): void => {
    for (const effect of hooks.step(desk, message, { now, replyTo: undefined } as Turn))
      if (effect.type === 'log') logged.push([now, effect.details?.['hook'], effect.details?.['unlogged']]);
  };
  const fail = (hook: HookName, now: number): void => {
    take({ type: 'question', question: QUESTIONS[hook] }, now);
    take(
      { type: 'hookReplied', call: ++calls, reply: { type: 'failed', failure: 'threw', message: 'x' } },
      now,
    );
  };
  for (const now of [0, 1, 999]) for (const hook of asked) fail(hook, now);
  fail('beforeMessage', 1_000);
  fail('beforeMessage', 2_000);
  fail('authorize', 2_000);
  expect(logged).toEqual([
    [0, 'authorize', 0],
    [0, 'beforeMessage', 0],
    [1_000, 'beforeMessage', 2],
    [2_000, 'beforeMessage', 0],
    [2_000, 'authorize', 2],
  ]);
});
