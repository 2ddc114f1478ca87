import fc from 'fast-check';
import { expect, test } from 'vitest';
import { TimerWheel, type Timer, type TimerOwner } from '../../src/runtime/timers.ts';
import { ManualClock } from '../support/world.ts';

class Recorder implements TimerOwner {
  readonly fired: { readonly name: string; readonly at: number }[] = [];
  onFire: (timer: Timer) => void = () => {};
  readonly #clock: ManualClock;
  constructor(clock: ManualClock) {
    this.#clock = clock;
  }
  timerDue(timer: Timer): void {
    this.fired.push({ name: timer.name, at: this.#clock.now() });
    this.onFire(timer);
  }
}

const TICK_MS = 20;

test('[D3] no timer fires early, and none later than a tick', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.integer({ min: 0, max: 40_000 }), fc.integer({ min: 0, max: 3_000 })), {
        maxLength: 60,
      }),
      (steps) => {
        const clock = new ManualClock();
        const wheel = new TimerWheel(clock);
        const recorder = new Recorder(clock);
        const due = new Map<string, number>();
        for (const [at, [delay, wait]] of steps.entries()) {
          wheel.arm(recorder, `t${at}`, delay);
          due.set(`t${at}`, clock.now() + delay);
          clock.advance(wait);
        }
        clock.advance(50_000);
        expect(recorder.fired).toHaveLength(steps.length);
        expect(wheel.size).toBe(0);
        for (const { name, at } of recorder.fired) {
          expect(at).toBeGreaterThanOrEqual(due.get(name) as number);
          expect(at).toBeLessThan((due.get(name) as number) + 2 * TICK_MS);
        }
      },
    ),
  );
});

test('timers fire in the order they are due, ties in the order of arming, also after a long stall', () => {
  const clock = new ManualClock();
  const wheel = new TimerWheel(clock);
  const recorder = new Recorder(clock);
  for (const [name, delay] of [
    ['c', 30_000],
    ['a', 25_000],
    ['b1', 27_000],
    ['b2', 27_000],
    ['d', 60],
  ] as const)
    wheel.arm(recorder, name, delay);
  clock.spend(40_000);
  clock.advance(0);
  expect(recorder.fired.map(({ name }) => name)).toEqual(['d', 'a', 'b1', 'b2', 'c']);
});

test('a timer armed by a timer counts from then', () => {
  const clock = new ManualClock();
  const wheel = new TimerWheel(clock);
  const recorder = new Recorder(clock);
  recorder.onFire = () => (recorder.fired.length < 4 ? wheel.arm(recorder, 'next', 1_000) : undefined);
  wheel.arm(recorder, 'first', 1_000);
  clock.advance(10_000);
  expect(recorder.fired.map(({ at }) => at)).toEqual([1_000, 2_000, 3_000, 4_000]);
});

test('a disarmed timer does not fire, also when disarmed by one of the same moment, and twice does no harm', () => {
  const clock = new ManualClock();
  const wheel = new TimerWheel(clock);
  const recorder = new Recorder(clock);
  const [first, second, third] = ['1', '2', '3'].map((name) => wheel.arm(recorder, name, 500)) as [
    Timer,
    Timer,
    Timer,
  ];
  recorder.onFire = (timer) => timer === first && wheel.disarm(third);
  wheel.disarm(second);
  wheel.disarm(second);
  clock.advance(1_000);
  wheel.disarm(first);
  expect(recorder.fired.map(({ name }) => name)).toEqual(['1']);
  expect(wheel.size).toBe(0);
});

test('an idle wheel does not wake the process', () => {
  const clock = new ManualClock();
  const wheel = new TimerWheel(clock);
  const recorder = new Recorder(clock);
  let wakes = 0;
  const wakeAfter = clock.wakeAfter.bind(clock);
  clock.wakeAfter = (delay, run) => {
    wakes++;
    wakeAfter(delay, run);
  };
  wheel.arm(recorder, 'far', 25_000);
  clock.advance(60_000);
  // Once a round of the wheel, until it is due.
  expect(wakes).toBeLessThanOrEqual(4);
  expect(recorder.fired).toHaveLength(1);
});
