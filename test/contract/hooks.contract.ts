import { describe, expect, test } from 'vitest';
import type { HookQuestion, HookReply, Hooks, MessageQuestion } from '../../src/runtime/ports/hooks.ts';

/** What the application does with a question. */
export type Move =
  | { readonly says: unknown; readonly afterMs?: number }
  | { readonly throws: unknown }
  | { readonly hangs: true };

export interface HooksUnderTest {
  readonly hooks: Hooks;
  /** Lets so much time pass. */
  pass(ms: number): Promise<void> | void;
}

const DEADLINE_MS = 120;

const JOIN: HookQuestion = {
  hook: 'authorize',
  user: 'ann',
  claims: '{"sub":"ann","team":{"id":7}}',
  action: 'join',
  room: 'a',
};

const MESSAGE: MessageQuestion = {
  hook: 'beforeMessage',
  user: 'ann',
  room: 'a',
  id: 'm1',
  content: 'hi',
  data: '{"n":1}',
};

/** What every way to the application promises (ports/hooks.ts). */
export function hooksContract(
  name: string,
  make: (application: (question: HookQuestion) => Move) => HooksUnderTest,
): void {
  describe(`hooks contract: ${name}`, () => {
    const ask = async (question: HookQuestion, move: Move, passMs = DEADLINE_MS * 2): Promise<HookReply> => {
      const under = make(() => move);
      const replies: HookReply[] = [];
      under.hooks.ask(question, DEADLINE_MS, (reply) => replies.push(reply));
      await under.pass(passMs);
      expect(replies).toHaveLength(1);
      return replies[0] as HookReply;
    };
    const answered = (value: unknown) => ({ type: 'answered', json: JSON.stringify(value) });

    test.each([true, false, { error: 'gone' }, null, [1], 'text'])(
      'an answer is passed on unchanged, as JSON: %j',
      async (said) => {
        expect(await ask(JOIN, { says: said }, 20)).toEqual(answered(said));
        expect(await ask(MESSAGE, { says: said }, 20)).toEqual(answered(said));
      },
    );

    test('an answer may take its time', async () => {
      expect(await ask(MESSAGE, { says: true, afterMs: 40 })).toEqual(answered(true));
    });

    test('the answer never comes before the question has been asked', async () => {
      const under = make(() => ({ says: true }));
      let isAnswered = false;
      under.hooks.ask(JOIN, DEADLINE_MS, () => (isAnswered = true));
      expect(isAnswered).toBe(false);
      await under.pass(20);
      expect(isAnswered).toBe(true);
    });

    test.each([
      [new Error('no database'), 'no database'],
      ['a text', 'a text'],
      [undefined, 'undefined'],
    ])('a hook that throws has failed: %s', async (thrown, message) => {
      expect(await ask(JOIN, { throws: thrown })).toEqual({ type: 'failed', failure: 'threw', message });
    });

    test('a hook that hangs fails at the deadline, and its later answer is ignored', async () => {
      const late = { type: 'failed', failure: 'late', message: 'no answer within 120 ms' };
      expect(await ask(MESSAGE, { hangs: true })).toEqual(late);
      expect(await ask(MESSAGE, { says: true, afterMs: DEADLINE_MS + 40 })).toEqual(late);
      const under = make(() => ({ hangs: true }));
      const replies: HookReply[] = [];
      under.hooks.ask(MESSAGE, DEADLINE_MS, (reply) => replies.push(reply));
      await under.pass(DEADLINE_MS / 2);
      expect(replies).toEqual([]);
    });

    const circle: Record<string, unknown> = {};
    circle['self'] = circle;
    test.each([
      ['undefined', undefined],
      ['a function', () => true],
      ['a BigInt', { n: 1n }],
      ['a circle', circle],
    ])('an answer that is not JSON is nonsense: %s', async (_, said) => {
      const message = said === undefined ? expect.stringContaining('return') : 'the answer is no JSON value';
      expect(await ask(JOIN, { says: said })).toEqual({ type: 'failed', failure: 'nonsense', message });
    });

    test('questions do not wait for each other', async () => {
      const moves: Move[] = [
        { hangs: true },
        { says: 2, afterMs: 60 },
        { says: 3 },
        { throws: new Error('4') },
      ];
      const under = make((question) => moves[Number((question as { id: string }).id)] as Move);
      const order: string[] = [];
      for (const id of moves.keys())
        under.hooks.ask({ ...MESSAGE, id: String(id) }, DEADLINE_MS, () => order.push(String(id)));
      await under.pass(DEADLINE_MS * 2);
      expect(order.slice(0, 2).toSorted()).toEqual(['2', '3']);
      expect(order.slice(2)).toEqual(['1', '0']);
    });
  });
}
