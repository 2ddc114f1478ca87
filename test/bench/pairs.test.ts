import { expect, test } from 'vitest';
import { ROOT } from '../support/source.ts';

interface Compared {
  readonly ratios: readonly number[];
  readonly median: number;
  readonly interval?: { readonly low: number; readonly high: number; readonly confidence: number };
}

const { bounds, compare, median } = (await import(`${ROOT}bench/compare/pairs.mjs`)) as {
  readonly bounds: (count: number) => { readonly rank: number; readonly confidence: number } | undefined;
  readonly compare: (figures: readonly number[], others: readonly number[]) => Compared;
  readonly median: (values: readonly number[]) => number;
};

test('the median of an odd and of an even number of values', () => {
  expect(median([3, 100, 1])).toBe(3);
  expect(median([4, 1, 100, 2])).toBe(3);
});

test('the ranks are those of the tables of the sign test', () => {
  // Count of pairs: which ratio from either end, at 95 %.
  const known = { 6: 1, 7: 1, 8: 1, 9: 2, 10: 2, 11: 2, 12: 3, 15: 4, 20: 6, 25: 8, 50: 18, 100: 40 };
  for (const [count, rank] of Object.entries(known))
    expect([count, bounds(Number(count))?.rank]).toEqual([count, rank]);
  expect(bounds(9)?.confidence).toBeCloseTo(1 - (2 * (1 + 9)) / 512, 12);
  expect(bounds(6)?.confidence).toBeCloseTo(1 - 2 / 64, 12);
});

test('five pairs are too few for an interval', () => {
  expect(bounds(5)).toBeUndefined();
  expect(compare([1, 2, 3, 4, 5], [2, 4, 6, 8, 10])).toEqual({
    ratios: [0.5, 0.5, 0.5, 0.5, 0.5],
    median: 0.5,
  });
});

test('each run is held against that of its own pair', () => {
  // The machine is ten times slower from the fifth pair on, and the ratios do not notice.
  const others = [10, 11, 10, 9, 100, 110, 105, 90, 100];
  const figures = others.map((other, at) => other * (0.5 + at / 100));
  const { median, interval } = compare(figures, others);
  expect(median).toBeCloseTo(0.54, 9);
  expect(interval?.low).toBeCloseTo(0.51, 9);
  expect(interval?.high).toBeCloseTo(0.57, 9);
});

test('one pair that went wrong moves neither the median nor the interval far', () => {
  const others = Array.from({ length: 9 }, () => 10);
  const figures = [5, 5.1, 4.9, 5, 5.2, 4.8, 5, 5.1, 90];
  const { median, interval } = compare(figures, others);
  expect(median).toBeCloseTo(0.5, 9);
  expect(interval?.high).toBeCloseTo(0.52, 9);
});

test('the interval holds the median as often as it says', () => {
  // Skewed, as noise that only adds: exp(N) has its median at 1. Numbers from a fixed seed.
  let seed = 7;
  const random = (): number => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647;
  const normal = (): number => Math.sqrt(-2 * Math.log(random())) * Math.cos(2 * Math.PI * random());
  let held = 0;
  for (let trial = 0; trial < 4_000; trial++) {
    const figures = Array.from({ length: 9 }, () => Math.exp(normal()));
    const { interval } = compare(
      figures,
      figures.map(() => 1),
    );
    if (interval!.low <= 1 && interval!.high >= 1) held++;
  }
  expect(held / 4_000).toBeGreaterThan(0.95);
  expect(held / 4_000).toBeLessThan(0.975);
});
