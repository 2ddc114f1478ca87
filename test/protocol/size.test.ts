import fc from 'fast-check';
import { expect, test } from 'vitest';
import { frameWeight, jsonBytes, utf8Bytes } from '../../src/protocol/size.ts';

test('[RQ5] [RQ8] bytes of JSON are exact up to the bound, and beyond it known to be more', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.integer({ min: 1, max: 400 }), (value, max) => {
      const exact = utf8Bytes(JSON.stringify(value));
      const found = jsonBytes(value, max);
      if (exact <= max) expect(found).toBe(exact);
      else expect(found).toBeGreaterThan(max);
    }),
  );
});

test('[FR2] [LM2] a frame weighs one for each 4 KiB begun', () => {
  expect(['', 'x', 'x'.repeat(4_096), 'x'.repeat(4_097), 'x'.repeat(65_536)].map(frameWeight)).toEqual([
    1, 1, 1, 2, 16,
  ]);
});
