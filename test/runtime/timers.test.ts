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
        const wheel = new TimerWheel(clock, () => {});
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
  const wheel = new TimerWheel(clock, () => {});
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
  const wheel = new TimerWheel(clock, () => {});
  const recorder = new Recorder(clock);
  recorder.onFire = () => (recorder.fired.length < 4 ? wheel.arm(recorder, 'next', 1_000) : undefined);
  wheel.arm(recorder, 'first', 1_000);
  clock.advance(10_000);
  expect(recorder.fired.map(({ at }) => at)).toEqual([1_000, 2_000, 3_000, 4_000]);
});

test('a disarmed timer does not fire, also when disarmed by one of the same moment, and twice does no harm', () => {
  const clock = new ManualClock();
  const wheel = new TimerWheel(clock, () => {});
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

/** A wheel that settles with each slice, as in the system, and when it wakes the process. */
function watched(): {
  clock: ManualClock;
  wheel: TimerWheel;
  recorder: Recorder;
  wakes: number[];
  asked: () => number;
} {
  const clock = new ManualClock();
  const recorder = new Recorder(clock);
  const wakes: number[] = [];
  let asked = 0;
  const wakeAfter = clock.wakeAfter.bind(clock);
  clock.wakeAfter = (delay, run) => {
    asked++;
    wakeAfter(delay, () => {
      wakes.push(clock.now());
      run();
    });
  };
  const wheel: TimerWheel = new TimerWheel(clock, () => clock.soon(() => wheel.settle()));
  return { clock, wheel, recorder, wakes, asked: () => asked };
}

test('an idle wheel does not wake the process', () => {
  const { clock, wheel, recorder, wakes } = watched();
  wheel.arm(recorder, 'far', 25_000);
  clock.advance(60_000);
  expect(wakes).toEqual([25_000]);
  expect(recorder.fired).toHaveLength(1);
});

test('[D3] a disarmed timer causes no wake-up: without armed timers there is none, else one for the next timer', () => {
  const { clock, wheel, recorder, wakes } = watched();
  const lone = wheel.arm(recorder, 'lone', 1_000);
  clock.advance(10);
  wheel.disarm(lone);
  clock.advance(60_000);
  expect(wakes).toEqual([]);
  const now = clock.now();
  const near = wheel.arm(recorder, 'near', 1_000);
  const twin = wheel.arm(recorder, 'twin', 1_000);
  wheel.arm(recorder, 'far', 30_000);
  wheel.disarm(near);
  clock.settle();
  wheel.disarm(twin);
  clock.advance(60_000);
  expect(wakes.map((at) => Math.floor((at - now) / TICK_MS) * TICK_MS)).toEqual([30_000]);
  expect(recorder.fired.map(({ name }) => name)).toEqual(['far']);
});

test('a timer that is armed and disarmed beside an earlier one does not touch the clock', () => {
  const { clock, wheel, recorder, asked } = watched();
  wheel.arm(recorder, 'beat', 500);
  for (let n = 0; n < 1_000; n++) {
    wheel.disarm(wheel.arm(recorder, 'ask', 10_000));
    clock.settle();
  }
  expect(asked()).toBe(1);
});

test('[D3] every wake-up fires something, and every timer fires in time, whatever is armed and disarmed', () => {
  const step = fc.record({
    delayMs: fc.oneof(fc.integer({ min: 0, max: 2_000 }), fc.integer({ min: 0, max: 40_000 })),
    isKept: fc.boolean(),
    holdMs: fc.integer({ min: 0, max: 1_500 }),
    waitMs: fc.integer({ min: 0, max: 3_000 }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const { clock, wheel, recorder, wakes } = watched();
      const due = new Map<string, number>();
      for (const [at, { delayMs, isKept, holdMs, waitMs }] of steps.entries()) {
        const timer = wheel.arm(recorder, `t${at}`, delayMs);
        due.set(timer.name, clock.now() + delayMs);
        clock.advance(holdMs);
        if (!isKept) wheel.disarm(timer);
        if (!isKept && !recorder.fired.some(({ name }) => name === timer.name)) due.delete(timer.name);
        clock.advance(waitMs);
      }
      clock.advance(60_000);
      expect(recorder.fired.map(({ name }) => name).toSorted()).toEqual([...due.keys()].toSorted());
      for (const { name, at } of recorder.fired) {
        expect(at).toBeGreaterThanOrEqual(due.get(name) as number);
        expect(at).toBeLessThan((due.get(name) as number) + 2 * TICK_MS);
      }
      const moments = new Set(recorder.fired.map(({ at }) => at));
      expect(wakes.filter((at) => !moments.has(at))).toEqual([]);
    }),
  );
});
