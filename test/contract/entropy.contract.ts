import { describe, expect, test } from 'vitest';
import type { Entropy } from '../../src/runtime/ports/entropy.ts';

export interface EntropyUnderTest {
  readonly entropy: Entropy;
  readonly pass: (ms: number) => Promise<void> | void;
}

/** What every source of chance promises (ports/entropy.ts). */
export function entropyContract(name: string, make: () => EntropyUnderTest): void {
  describe(`entropy contract: ${name}`, () => {
    test('random numbers lie from 0 to 1, and spread', () => {
      const { entropy } = make();
      const drawn = Array.from({ length: 10_000 }, () => entropy.random());
      expect(Math.min(...drawn)).toBeGreaterThanOrEqual(0);
      expect(Math.max(...drawn)).toBeLessThan(1);
      const mean = drawn.reduce((sum, value) => sum + value, 0) / drawn.length;
      expect(mean).toBeGreaterThan(0.48);
      expect(mean).toBeLessThan(0.52);
      const tenths = new Set(drawn.map((value) => Math.floor(value * 10)));
      expect(tenths.size).toBe(10);
    });

    test('ids are UUIDs of version 7, and no two are the same', () => {
      const { entropy } = make();
      const ids = Array.from({ length: 10_000 }, () => entropy.uuid());
      for (const id of ids)
        expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
      expect(new Set(ids).size).toBe(ids.length);
    });

    test('ids made later sort later', async () => {
      const { entropy, pass } = make();
      const ids: string[] = [];
      for (let n = 0; n < 5; n++) {
        ids.push(entropy.uuid());
        await pass(3);
      }
      expect(ids).toEqual([...ids].toSorted());
    });
  });
}
