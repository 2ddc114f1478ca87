import fc from 'fast-check';
import { expect, test } from 'vitest';
import { TokenBucket } from '../../src/limits/token-bucket.ts';

const rates = fc.record({ count: fc.integer({ min: 1, max: 1_000 }), perMs: fc.constantFrom(1_000, 60_000) });
const pauses = fc.array(fc.double({ min: 0, max: 5_000, noNaN: true }), { maxLength: 200 });

test('[LM2] in no stretch of time is more taken than the burst and what the rate gives', () => {
  fc.assert(
    fc.property(rates, pauses, (rate, waits) => {
      const bucket = new TokenBucket(rate);
      const taken: number[] = [];
      let now = 0;
      for (const wait of waits) {
        now += wait;
        for (let n = 0; n < 5; n++) if (bucket.take(now) === 0) taken.push(now);
      }
      for (const [from, start] of taken.entries()) {
        for (let to = from; to < taken.length; to += 7) {
          const most = rate.count + (((taken[to] as number) - start) * rate.count) / rate.perMs;
          expect(to - from + 1).toBeLessThanOrEqual(most + 0.02);
        }
      }
    }),
  );
});

test('[LM2] a caller that waits as long as the bucket says gets a token, and not a millisecond earlier', () => {
  fc.assert(
    fc.property(rates, pauses, (rate, waits) => {
      const bucket = new TokenBucket(rate);
      let now = 0;
      for (const wait of waits) {
        now += wait;
        let restMs = bucket.take(now);
        while (restMs === 0) restMs = bucket.take(now);
        expect(bucket.take(now + restMs - 1.02)).not.toBe(0);
        now += restMs;
        expect(bucket.take(now)).toBe(0);
      }
    }),
  );
});

test('an unused bucket is full, and all of it may be taken at once', () => {
  fc.assert(
    fc.property(rates, fc.double({ min: 0, max: 1e12, noNaN: true }), (rate, now) => {
      const bucket = new TokenBucket(rate);
      for (let n = 0; n < rate.count; n++) expect(bucket.take(now)).toBe(0);
      expect(bucket.take(now)).toBeGreaterThan(0);
    }),
  );
});
