import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Random } from '../../src/sim/kit/random.ts';
import { Timeline } from '../../src/sim/kit/timeline.ts';

describe('timeline', () => {
  test('[D18] events come in the order of their times, ties in the order in which they were set', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 20 }), { maxLength: 200 }), (delays) => {
        const timeline = new Timeline();
        const happened: { readonly at: number; readonly order: number }[] = [];
        for (const [order, delay] of delays.entries())
          timeline.after(delay, () => happened.push({ at: timeline.now, order }));
        while (timeline.step(1_000));
        const expected = delays
          .map((at, order) => ({ at, order }))
          .toSorted((a, b) => a.at - b.at || a.order - b.order);
        expect(happened).toEqual(expected);
        expect(timeline.now).toBe(1_000);
      }),
    );
  });

  test('an event set by an event counts from that event’s own time', () => {
    const timeline = new Timeline();
    const at: number[] = [];
    timeline.after(10, () => {
      at.push(timeline.now);
      timeline.after(10, () => at.push(timeline.now));
      timeline.after(0, () => at.push(timeline.now));
    });
    timeline.after(15, () => at.push(timeline.now));
    while (timeline.step(1_000));
    expect(at).toEqual([10, 10, 15, 20]);
  });

  test('a cancelled event does not happen', () => {
    const timeline = new Timeline();
    const happened: string[] = [];
    const scheduled = timeline.after(5, () => happened.push('no'));
    timeline.after(1, () => timeline.cancel(scheduled));
    timeline.after(6, () => happened.push('yes'));
    while (timeline.step(10));
    expect(happened).toEqual(['yes']);
  });

  test('the timeline does not run past its end', () => {
    const timeline = new Timeline();
    timeline.after(5, () => {});
    expect(timeline.step(4)).toBe(false);
    expect(timeline.now).toBe(4);
    expect(timeline.step(5)).toBe(true);
  });
});

describe('random streams', () => {
  const draw = (random: Random, count = 20): number[] => Array.from({ length: count }, () => random.bits());

  test('[D18] what one draws does not depend on how much another has drawn', () => {
    const alone = draw(new Random(7, 'faults', 'a'));
    const beside = new Random(7, 'faults', 'b');
    draw(beside, 1_000);
    expect(draw(new Random(7, 'faults', 'a'))).toEqual(alone);
  });

  test('seed, stream and entity each make another one, also beyond 32 bits', () => {
    const streams = [
      new Random(1, 'a', 'x'),
      new Random(2, 'a', 'x'),
      new Random(2 ** 32 + 1, 'a', 'x'),
      new Random(1, 'b', 'x'),
      new Random(1, 'a', 'y'),
    ].map((random) => draw(random).join());
    expect(new Set(streams).size).toBe(streams.length);
  });

  test('whole numbers lie within their bounds, both included, and delays are whole microseconds', () => {
    const random = new Random(3, 'test');
    const drawn = Array.from({ length: 1_000 }, () => random.whole(2, 5));
    expect([...new Set(drawn)].toSorted()).toEqual([2, 3, 4, 5]);
    for (let n = 0; n < 100; n++) {
      const delay = random.delay(0.5, 3);
      expect(delay).toBeGreaterThanOrEqual(0.5);
      expect(delay).toBeLessThanOrEqual(3);
      expect(Math.round(delay * 1_000)).toBeCloseTo(delay * 1_000, 6);
    }
  });
});
