import { describe, expect, test } from 'vitest';
import { hooksBehaviour, type HooksMessage } from '../../src/actors/hooks/hooks.ts';
import { WaitingLine } from '../../src/actors/hooks/waiting-line.ts';
import type { StartContext, Turn } from '../../src/runtime/ports/actor.ts';
import type { HookQuestion, HookReply } from '../../src/runtime/ports/hooks.ts';
import { Program } from '../support/program.ts';

// More rechecks than the application is asked about at once (JW6).

const CROWD = 1_500;

/** A crowd in room `a`, with everything granted so far; from then on the application answers when the test says so. */
async function crowd() {
  const program = new Program({ hooks: { asked: new Set(['authorize']), deadlineMs: 1_000 } });
  const members = Array.from({ length: CROWD }, (_, n) => program.connect(`u${n}`));
  for (const number of members) program.inbox.frame(number, '{"type":"join","id":"j","room":"a"}');
  program.settle();
  const asked: { readonly question: HookQuestion; readonly say: (answer: boolean) => void }[] = [];
  program.world.ports.hooks.ask = (question, _deadlineMs, done: (reply: HookReply) => void) =>
    void asked.push({ question, say: (answer) => done({ type: 'answered', json: String(answer) }) });
  const recheck = async (which = {}): Promise<unknown> => {
    const told = program.ask('hooks', { type: 'recheck', user: undefined, room: undefined, ...which });
    program.settle();
    return told;
  };
  const left = (): number =>
    members.filter((number) => program.frames(number).some(({ action }) => action === 'left')).length;
  return { program, asked, recheck, left, members };
}

describe('[JW6] a recheck of more connections than are asked about at once', () => {
  test('[JW6] is begun when it is answered: 1,000 questions are open, the others follow one by one', async () => {
    const { program, asked, recheck, left } = await crowd();
    expect(await recheck()).toMatchObject({ ok: true });
    expect(asked).toHaveLength(1_000);
    // Who is not patient finds room beside them.
    const eve = program.connect('eve');
    program.frame(eve, { type: 'join', id: 'j', room: 'b' });
    expect(asked.at(-1)?.question).toMatchObject({ action: 'join', user: 'eve' });
    asked.pop();
    for (let n = 0; n < asked.length; n++) {
      asked[n]?.say(false);
      program.settle();
    }
    expect(asked).toHaveLength(CROWD);
    expect(left()).toBe(CROWD);
  });

  test('[JW6] asked for again and again, it keeps one question for each connection and room', async () => {
    const { program, asked, recheck, left } = await crowd();
    for (const which of [{}, { room: 'a' }, { user: 'u1200' }, {}]) await recheck(which);
    // Those that were open are asked once more each time that they are meant; those that wait are asked after it.
    expect(asked).toHaveLength(4_000 - 1_000);
    for (let n = 0; n < asked.length; n++) {
      asked[n]?.say(false);
      program.settle();
    }
    expect(asked).toHaveLength(3_000 + CROWD - 1_000);
    expect(left()).toBe(CROWD);
  });

  test('[JW6] a connection without a turn within a minute stays undecided and is asked about again; no question is asked in vain', async () => {
    const { program, asked, recheck, left } = await crowd();
    await recheck();
    program.advance(59_000);
    expect(left()).toBe(0);
    program.advance(2_500);
    // The application has said nothing at all: each question is late for the node, and asked once more.
    program.world.ports.hooks.ask = (question, _deadlineMs, done) => {
      asked.push({ question, say: () => {} });
      done({ type: 'answered', json: 'true' });
    };
    const before = asked.length;
    for (const { say } of asked.slice(0, 1_000)) say(true);
    program.advance(5_000);
    expect(asked.length - before).toBe(CROWD);
    expect(left()).toBe(0);
  });
});

test('waiting questions keep their order', () => {
  const line = new WaitingLine<number>();
  const taken: (number | undefined)[] = [];
  for (let n = 0; n < 5_000; n++) {
    line.push(n);
    if (n % 3 === 0) taken.push(line.shift());
  }
  while (line.size > 0) taken.push(line.shift());
  expect(taken).toEqual(Array.from({ length: 5_000 }, (_, n) => n));
  expect(line.shift()).toBeUndefined();
});

test('[JW6] 10,000 questions may be open: one more is unavailable, a patient one waits', () => {
  const hooks = hooksBehaviour({
    incarnation: 'n1.x',
    asked: new Set(['authorize']),
    deadlineMs: 1_000,
    frameBytes: 65_536,
    retryAfterMs: 1_000,
  });
  const [desk] = hooks.start({} as StartContext, {} as Turn);
  const step = (message: HooksMessage) =>
    hooks.step(desk, message, { now: 0, deadline: 1_000, replyTo: { ask: 1, from: 'x' } } as Turn);
  const ask = (user: string, isPatient?: true) => {
    const question = { hook: 'authorize', user, claims: '{}', action: 'read', room: 'a' } as const;
    return step({ type: 'question', question, ...(isPatient ? { isPatient } : {}) });
  };
  for (let n = 0; n < 10_000; n++) expect(ask(`u${n}`)).toMatchObject([{ type: 'hook' }]);
  expect(ask('one-more')).toMatchObject([
    { type: 'count', counter: 'hook_failed_authorize' },
    { type: 'reply', body: { error: 'unavailable', retryAfterMs: 1_000 } },
  ]);
  expect(ask('patient', true)).toEqual([]);
  const replied = step({ type: 'hookReplied', call: 1, reply: { type: 'answered', json: 'true' } });
  expect(replied).toMatchObject([
    { type: 'reply', body: { isGranted: true } },
    { type: 'hook', question: { user: 'patient' } },
  ]);
});
