import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FrameScan } from '../../src/transport/ws/frame-scan.ts';

interface TestFrame {
  readonly opcode: number;
  readonly isLast: boolean;
  readonly size: number;
}

function encode({ opcode, isLast, size }: TestFrame): Buffer {
  const length =
    size < 126
      ? [size]
      : size < 65_536
        ? [126, size >> 8, size & 255]
        : [127, 0, 0, 0, 0, 0, size >> 16, (size >> 8) & 255, size & 255];
  const [first = 0, ...more] = length;
  return Buffer.concat([
    Buffer.from([opcode | (isLast ? 0x80 : 0), first | 0x80, ...more, 1, 2, 3, 4]),
    // Bytes that would be headers, if they were taken for such.
    Buffer.alloc(size, 0x01),
  ]);
}

const control = fc.record({
  opcode: fc.constantFrom(9, 10),
  isLast: fc.constant(true),
  size: fc.integer({ min: 0, max: 125 }),
});
const size = fc.oneof(
  { weight: 5, arbitrary: fc.integer({ min: 0, max: 130 }) },
  { weight: 1, arbitrary: fc.constantFrom(65_535, 65_536, 70_000) },
);
const message = fc
  .array(size, { minLength: 1, maxLength: 6 })
  .map((sizes) =>
    sizes.map((of, at) => ({ opcode: at === 0 ? 1 : 0, isLast: at === sizes.length - 1, size: of })),
  );

/** Messages with pings and pongs between their fragments. */
const conversation = fc
  .array(fc.tuple(message, fc.array(control, { maxLength: 2 })), { maxLength: 6 })
  .map((parts) =>
    parts.flatMap(([fragments, controls]) =>
      fragments.flatMap((fragment, at) =>
        at === 0 ? [...controls, fragment] : [fragment, ...controls.slice(at)],
      ),
    ),
  );

test('[LM11] fragments are counted and ends are found, however the bytes are cut', () => {
  fc.assert(
    fc.property(
      conversation,
      fc.array(fc.integer({ min: 1, max: 5_000 }), { minLength: 1 }),
      (frames, cuts) => {
        const bytes = Buffer.concat(frames.map(encode));
        const ends: number[] = [];
        let end = 0;
        for (const frame of frames) ends.push((end += encode(frame).length));
        const scan = new FrameScan();
        let most = 0;
        for (let at = 0, n = 0; at < bytes.length; n++) {
          const to = Math.min(bytes.length, at + (cuts[n % cuts.length] as number));
          most = Math.max(most, scan.take(bytes.subarray(at, to)));
          at = to;
          const whole = ends.indexOf(at);
          const open = frames.slice(0, whole + 1).findLast(({ opcode }) => opcode < 8);
          expect(scan.isWhole).toBe(whole >= 0 && (open?.isLast ?? true));
        }
        let fragments = 0;
        let expected = 0;
        for (const { opcode, isLast } of frames) {
          if (opcode >= 8) continue;
          expected = Math.max(expected, ++fragments);
          if (isLast) fragments = 0;
        }
        expect(most).toBe(expected);
      },
    ),
  );
});

test('[LM11] a message that begins in the piece in which another ends is a new one', () => {
  const scan = new FrameScan();
  const whole = encode({ opcode: 1, isLast: true, size: 10 });
  scan.take(Buffer.concat([whole, whole.subarray(0, 5)]));
  expect([scan.isWhole, scan.wasWhole]).toEqual([false, true]);
  scan.take(whole.subarray(5, 8));
  expect([scan.isWhole, scan.wasWhole]).toEqual([false, false]);
  scan.take(Buffer.concat([whole.subarray(8), whole.subarray(0, 1)]));
  expect([scan.isWhole, scan.wasWhole]).toEqual([false, true]);
});
