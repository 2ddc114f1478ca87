import { expect, test } from 'vitest';
import { INBOUND_LIMITS, InboundBudget } from '../../src/limits/inbound-budget.ts';

test('[LM11] 10 control frames a second, 100 at once; 300 more in a minute are abuse', () => {
  const budget = new InboundBudget(INBOUND_LIMITS);
  const counted = (times: number, now: number): number =>
    Array.from({ length: times }, () => budget.control(now)).filter(Boolean).length;
  expect(counted(150, 0)).toBe(100);
  expect(counted(150, 1_000)).toBe(10);
  expect(counted(109, 2_000)).toBe(10);
  expect(budget.isAbused).toBe(false);
  expect(budget.control(2_000)).toBe(false);
  // 50 + 140 + 100 are 290 in this minute; the next ten are too many.
  for (let n = 0; n < 10; n++) budget.control(2_000);
  expect(budget.isAbused).toBe(true);
});

test('[LM11] a client that keeps within it for ever, or goes over it now and then, is not closed', () => {
  const budget = new InboundBudget(INBOUND_LIMITS);
  for (let s = 0; s < 3_600; s++) for (let n = 0; n < 10; n++) expect(budget.control(s * 1_000)).toBe(true);
  for (let minute = 100; minute < 110; minute++)
    for (let n = 0; n < 390; n++) budget.control(minute * 61_000);
  expect(budget.isAbused).toBe(false);
});

test('[LM11] 1 MiB a second, 4 MiB at once; then nothing is read until the debt is paid, 100 ms at least', () => {
  const budget = new InboundBudget(INBOUND_LIMITS);
  for (let n = 0; n < 64; n++) expect(budget.bytes(65_536, 0)).toBe(0);
  expect(budget.bytes(65_536, 0)).toBe(100);
  expect(budget.bytes(1_048_576, 0)).toBeGreaterThan(1_000);
  expect(budget.bytes(1, 5_063)).toBe(0);
});

test('[LM11] half a minute of sending beyond it is abuse', () => {
  const budget = new InboundBudget(INBOUND_LIMITS);
  let now = 0;
  for (let pauses = 0; !budget.isAbused && now < 120_000;) {
    const pauseMs = budget.bytes(1_448, now);
    now += pauseMs || 0.1;
    if (pauseMs > 0) pauses++;
  }
  expect(budget.isAbused).toBe(true);
  expect(now).toBeGreaterThan(25_000);
  expect(now).toBeLessThan(45_000);
});

test('0 is no limit', () => {
  const none = { controlFramesPerSecond: 0, fragmentsPerMessage: 0, messageMs: 0, inboundBytesPerSecond: 0 };
  const budget = new InboundBudget({ ...none, rateAbusePerMinute: 1 });
  for (let n = 0; n < 10_000; n++) expect([budget.control(0), budget.bytes(1e6, 0)]).toEqual([true, 0]);
  const borne = new InboundBudget({ ...INBOUND_LIMITS, rateAbusePerMinute: 0 });
  for (let n = 0; n < 10_000; n++) borne.control(0);
  expect(borne.isAbused).toBe(false);
});
