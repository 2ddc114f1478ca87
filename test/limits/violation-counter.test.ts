import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ViolationCounter } from '../../src/limits/violation-counter.ts';

test('[LM2] [FR2] counts what is within the last minute, and says when it is one too many', () => {
  const waits = fc.array(fc.integer({ min: 0, max: 30_000 }), { maxLength: 100 });
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 10 }), waits, (max, pauses) => {
      const violations = new ViolationCounter(max);
      const all: number[] = [];
      let now = 0;
      for (const pause of pauses) {
        now += pause;
        const before = all.filter((at) => now - at < 60_000);
        const isTooMany = violations.add(now);
        expect(isTooMany).toBe(before.length >= max);
        // Who is told so is put out, so nobody is counted any further.
        if (isTooMany) return;
        all.push(now);
      }
    }),
  );
});

test('a flood costs the same however long it goes on', () => {
  const violations = new ViolationCounter(100_000);
  const cost = (from: number, count: number): number => {
    const began = performance.now();
    for (let n = 0; n < count; n++) violations.add((from + n) / 100);
    return performance.now() - began;
  };
  cost(0, 1_000);
  const first = cost(1_000, 20_000);
  const last = cost(70_000, 20_000);
  expect(last).toBeLessThan(first * 20 + 20);
});
