import { readFileSync } from 'node:fs';
import { resolveConfig } from 'prettier';
import { describe, expect, expectTypeOf, test } from 'vitest';
import type { z } from 'zod';
import { clientChart, lifecycleSource } from '../../client/chart/table.ts';
import { backoffMs } from '../../client/src/connection/reconnect-policy.ts';
import { isRetryable, mayReconnect } from '../../client/src/errors.ts';
import type {
  ChatMessage,
  HistoryPage,
  JoinedRoom,
  PresencePage,
  RoomsPage,
  SentMessage,
  Welcome,
} from '../../client/src/wire/frames.ts';
import { epochMs, utf8Bytes } from '../../client/src/wire/text.ts';
import { toMermaid } from '../../src/actors/kit/mermaid.ts';
import { ERROR_CODES, shouldReconnect } from '../../src/protocol/codes.ts';
import type { ACKS, ChatPush, RESULTS, Welcome as WelcomePush } from '../../src/protocol/pushes.ts';
import { ROOT } from '../support/source.ts';
import fc from 'fast-check';

// The client is published alone, so it says again what the protocol says. Here the two are compared.

describe('the client and the protocol', () => {
  test('[CL1] they come back from the same close codes', () => {
    for (let code = 1_000; code < 5_000; code++)
      expect(mayReconnect(code), String(code)).toBe(shouldReconnect(code));
  });

  test('[ER1] they try the same codes again', () => {
    for (const [code, { retryable }] of Object.entries(ERROR_CODES))
      expect(isRetryable(code), code).toBe(retryable);
  });

  test('what a server sends is what a client takes', () => {
    expectTypeOf<z.infer<typeof ChatPush>>().toExtend<Loose<ChatMessage>>();
    expectTypeOf<z.infer<(typeof ACKS)['join']>>().toExtend<Loose<JoinedRoom>>();
    expectTypeOf<z.infer<(typeof ACKS)['chat']>>().toExtend<Loose<SentMessage>>();
    expectTypeOf<z.infer<(typeof RESULTS)['presence']>>().toExtend<Loose<PresencePage>>();
    expectTypeOf<z.infer<(typeof RESULTS)['rooms']>>().toExtend<Loose<RoomsPage>>();
    expectTypeOf<Omit<z.infer<(typeof RESULTS)['history']>, 'messages'>>().toExtend<
      Omit<HistoryPage, 'messages'>
    >();
    expectTypeOf<WelcomePush>().toExtend<Loose<Welcome>>();
  });

  test('sizes and times are read as the platform reads them', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => utf8Bytes(text) === Buffer.byteLength(text)),
    );
    const date = fc.date({ min: new Date(0), max: new Date('9999-12-31'), noInvalidDate: true });
    fc.assert(fc.property(date, (at) => epochMs(at.toISOString()) === at.getTime()));
    expect(epochMs('2026-01-01T00:00:00Z')).toBe(Date.UTC(2026, 0));
    expect(epochMs('yesterday')).toBeUndefined();
  });
});

/** With fields that may be undefined where a schema says that they may be absent. */
type Loose<Value> = {
  [Key in keyof Value]: undefined extends Value[Key] ? Value[Key] | undefined : Value[Key];
};

describe('the client’s lifecycle', () => {
  test('the table is that of the chart (else: npm run build && npm run charts)', async () => {
    const file = `${ROOT}client/src/connection/lifecycle-table.ts`;
    expect(readFileSync(file, 'utf8')).toBe(await lifecycleSource((await resolveConfig(file)) ?? {}));
  });

  test('the picture in docs/client.md is that of the chart', () => {
    expect(readFileSync(`${ROOT}docs/client.md`, 'utf8')).toContain(
      `\`\`\`mermaid\n${toMermaid(clientChart.machine)}\n\`\`\``,
    );
  });

  test('every state but the last can be left, and from everywhere it can be closed', () => {
    for (const state of clientChart.states.values()) {
      expect(state.isFinal).toBe(state.name === 'dead');
      if (!state.isFinal) expect(state.edges['stopped']?.to.name).toBe('dead');
    }
  });
});

test('backoff: at most 0.5 s × 2ⁿ and 20 s, from nothing on', () => {
  expect([0, 1, 2, 3, 6, 7, 100].map((failures) => backoffMs(failures, { random: () => 1 }))).toEqual([
    500, 500, 1_000, 2_000, 16_000, 20_000, 20_000,
  ]);
  expect(backoffMs(100, { random: () => 0 })).toBe(0);
});
