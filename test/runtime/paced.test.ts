import { describe, expect, test } from 'vitest';
import { Paced } from '../../src/runtime/paced.ts';
import type { Clock } from '../../src/runtime/ports/clock.ts';

/** A loop that is turned by hand. */
class Loop {
  now = 0;
  #soon: (() => void)[] = [];

  readonly clock = {
    now: () => this.now,
    soon: (run: () => void) => void this.#soon.push(run),
  } as unknown as Clock;

  turn(): void {
    for (const run of this.#soon.splice(0)) run();
  }
}

describe('events that may come by the thousand', () => {
  test('are passed on a few between two looks at the sockets, in order, and all of them', () => {
    const loop = new Loop();
    const passed: number[] = [];
    const paced = new Paced<number>(loop.clock, (item) => passed.push(item));
    const all = Array.from({ length: 1_000 }, (_, n) => n);
    for (const n of all) paced.add(n);
    expect(passed).toHaveLength(16);
    for (let turns = 1; passed.length < 1_000; turns++) {
      loop.turn();
      expect(passed).toHaveLength(Math.min(1_000, 16 * (turns + 1)));
    }
    expect(passed).toEqual(all);
  });

  test('an event that comes in between waits its turn; a lone event is passed on at once', () => {
    const loop = new Loop();
    const passed: string[] = [];
    const paced = new Paced<string>(loop.clock, (item) => passed.push(item));
    paced.add('alone');
    expect(passed).toEqual(['alone']);
    for (let n = 0; n < 30; n++) paced.add(`${n}`);
    loop.turn();
    paced.add('last');
    expect(passed).not.toContain('last');
    while (passed.length < 32) loop.turn();
    expect(passed.at(-1)).toBe('last');
    loop.now += 50;
    paced.add('later');
    expect(passed.at(-1)).toBe('later');
  });
});
