import { describe, expect, test } from 'vitest';
import type { Clock } from '../../src/runtime/ports/clock.ts';

export interface ClockUnderTest {
  readonly clock: Clock;
  /** Lets so much time pass. */
  readonly pass: (ms: number) => Promise<void> | void;
}

/** What every clock promises (ports/clock.ts). */
export function clockContract(name: string, make: () => ClockUnderTest): void {
  describe(`clock contract: ${name}`, () => {
    test('now runs forward with the time that passes', async () => {
      const { clock, pass } = make();
      const before = clock.now();
      await pass(20);
      // Node.js counts its timers in whole milliseconds, and calls up to one too early by its finer clock.
      expect(clock.now() - before).toBeGreaterThan(19);
    });

    test('wall is whole milliseconds since 1970', () => {
      const { clock } = make();
      expect(Number.isInteger(clock.wall())).toBe(true);
      expect(clock.wall()).toBeGreaterThan(Date.UTC(2025));
    });

    test('a wake-up comes once, and not early', async () => {
      const { clock, pass } = make();
      const at: number[] = [];
      const asked = clock.now();
      clock.wakeAfter(15, () => at.push(clock.now() - asked));
      await pass(60);
      expect(at).toHaveLength(1);
      // Timers of Node.js may be a millisecond early; the wheel asks for whole ticks, and looks again.
      expect(at[0]).toBeGreaterThanOrEqual(14);
    });

    test('a wake-up further away than a timer of Node.js reaches does not come at once', async () => {
      const { clock, pass } = make();
      let isWoken = false;
      clock.wakeAfter(2 ** 31 + 1_000, () => (isWoken = true));
      await pass(30);
      expect(isWoken).toBe(false);
      // Nothing may be left waiting.
      clock.wakeAfter(0, () => {});
      await pass(5);
    });

    test('setting another wake-up replaces the one before', async () => {
      const { clock, pass } = make();
      const woken: string[] = [];
      clock.wakeAfter(10, () => woken.push('first'));
      clock.wakeAfter(20, () => woken.push('second'));
      await pass(60);
      expect(woken).toEqual(['second']);
    });

    test('a wake-up that is cancelled does not come; without one it does no harm', async () => {
      const { clock, pass } = make();
      const woken: string[] = [];
      clock.cancelWake();
      clock.wakeAfter(10, () => woken.push('cancelled'));
      clock.cancelWake();
      clock.cancelWake();
      await pass(30);
      clock.wakeAfter(10, () => woken.push('next'));
      await pass(30);
      expect(woken).toEqual(['next']);
    });

    test('a wake-up may set the next', async () => {
      const { clock, pass } = make();
      const woken: string[] = [];
      clock.wakeAfter(5, () => {
        woken.push('first');
        clock.wakeAfter(5, () => woken.push('second'));
      });
      await pass(60);
      expect(woken).toEqual(['first', 'second']);
    });

    test('soon runs once, not before it returns, and in order', async () => {
      const { clock, pass } = make();
      const ran: number[] = [];
      clock.soon(() => ran.push(1));
      expect(ran).toEqual([]);
      await pass(20);
      clock.soon(() => ran.push(2));
      await pass(20);
      expect(ran).toEqual([1, 2]);
    });
  });
}
