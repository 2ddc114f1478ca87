import { expect, test } from 'vitest';
import { answerFor } from '../../src/actors/kit/answers.ts';
import { Effects } from '../../src/actors/kit/effects.ts';
import { homeAddress, type Published } from '../../src/actors/messages/home.ts';
import { LOG, type LogReply, type StoreAnswer } from '../../src/actors/messages/log.ts';
import type { Refusal } from '../../src/actors/messages/terms.ts';
import type { Answer, Awaits } from '../../src/runtime/ports/actor.ts';

// `npx tsc` checks these cases: an `@ts-expect-error` above a line that compiles is itself an error.

interface HeadContext extends Awaits<LogReply<number>> {
  readonly for: 'head';
}

interface SentContext extends Awaits<Published | Refusal> {
  readonly for: 'sent';
}

interface RemovedContext extends Awaits<StoreAnswer<'discard'>> {
  readonly for: 'removed';
}

type Context = HeadContext | SentContext | RemovedContext;

const head: HeadContext = { for: 'head' };
const sent: SentContext = { for: 'sent' };
const removed: RemovedContext = { for: 'removed' };

const deadlineMs = 1_000;
const request = { call: 'discard', channel: 'broadcast', upTo: 1 } as const;
const entry = { id: 'm', sender: 'u', content: '', data: null, sentAt: null };

test('the compiler accepts a context that names the answer of the message', () => {
  const out = new Effects();
  out.ask(LOG, { type: 'head', channel: 'broadcast' }, { deadlineMs, context: head });
  out.ask(LOG, { type: 'call', request }, { deadlineMs, context: removed });
  out.ask(homeAddress('broadcast'), { type: 'publish', entry, by: null }, { deadlineMs, context: sent });
  expect(out.effects).toMatchObject([{ context: head }, { context: removed }, { context: sent }]);
});

test('the compiler refuses a context that names another answer', () => {
  const out = new Effects();
  // @ts-expect-error The log answers with a head.
  out.ask(LOG, { type: 'head', channel: 'broadcast' }, { deadlineMs, context: sent });
  // @ts-expect-error The store answers `discard` with null.
  out.ask(LOG, { type: 'call', request }, { deadlineMs, context: head });
  // @ts-expect-error The home may answer with a refusal.
  out.ask(homeAddress('broadcast'), { type: 'publish', entry, by: null }, { deadlineMs, context: head });
  const unnamed = { for: 'head' } as const;
  // @ts-expect-error The context names no answer.
  out.ask(LOG, { type: 'head', channel: 'broadcast' }, { deadlineMs, context: unnamed });
  // @ts-expect-error The log does not answer `flush`.
  out.ask(LOG, { type: 'flush' }, { deadlineMs, context: head });
  expect(out.effects).toHaveLength(5);
});

test('the compiler refuses a message with a field that the actor does not know', () => {
  const out = new Effects();
  // @ts-expect-error No message to the log has this field.
  out.ask(LOG, { type: 'head', channel: 'broadcast', chanel: 1 }, { deadlineMs, context: head });
  expect(out.effects).toHaveLength(1);
});

test('an answer has the type that its context names', () => {
  const read = (context: Context, answer: Answer<unknown>): number | undefined => {
    switch (context.for) {
      case 'head': {
        const found = answerFor(context, answer);
        return found.ok && found.body.ok ? found.body.value : undefined;
      }
      case 'sent': {
        // @ts-expect-error The answer to a message that was sent has no head.
        const wrong: Answer<LogReply<number>> = answerFor(context, answer);
        return wrong.ok ? 0 : undefined;
      }
      case 'removed':
        return undefined;
    }
  };
  expect(read(head, { ok: true, body: { ok: true, value: 7 } })).toBe(7);
});
