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

test('bytes of UTF-8 are those of the encoded text, of any script and length', () => {
  const unit = fc.constantFrom('x', '\u00e9', '\u3042', '\u{1f44b}');
  const text = fc
    .array(fc.tuple(unit, fc.integer({ min: 0, max: 40_000 })), { maxLength: 6 })
    .map((parts) => parts.map(([of, times]) => of.repeat(times)).join(''));
  fc.assert(
    fc.property(text, (given) => {
      expect(utf8Bytes(given)).toBe(Buffer.byteLength(given));
    }),
  );
});

test('[FR2] [LM2] a frame weighs one for each 4 KiB begun', () => {
  expect(['', 'x', 'x'.repeat(4_096), 'x'.repeat(4_097), 'x'.repeat(65_536)].map(frameWeight)).toEqual([
    1, 1, 1, 2, 16,
  ]);
});
