import { describe, expect, test } from 'vitest';
import { Hearing, Unheard } from '../../src/actors/node/unheard.ts';

describe('[D11] a node that others do not hear', () => {
  const look = (unheard: Unheard, at: number, ...silent: readonly string[]): void =>
    unheard.look(
      ['a', 'b', 'c'].map((incarnation) => ({ incarnation, isHeard: !silent.includes(incarnation) })),
      at,
    );

  test('is grey after 5 s in which most others are heard, until it is heard', () => {
    const unheard = new Unheard();
    look(unheard, 0, 'c');
    look(unheard, 4_999, 'c');
    expect(unheard.isGrey('c')).toBe(false);
    look(unheard, 5_000, 'c');
    expect(['a', 'b', 'c'].filter((node) => unheard.isGrey(node))).toEqual(['c']);
    look(unheard, 5_700);
    expect(unheard.isGrey('c')).toBe(false);
  });

  test('is not grey while most are not heard: that is Redis; nor for coming back somewhat later than they do', () => {
    const unheard = new Unheard();
    for (let now = 0; now <= 60_000; now += 700) look(unheard, now, 'b', 'c');
    expect(unheard.isGrey('b') || unheard.isGrey('c')).toBe(false);
    for (let now = 60_000; now < 64_900; now += 700) look(unheard, now, 'c');
    expect(unheard.isGrey('c')).toBe(false);
  });

  test('is not grey when it is alone', () => {
    const unheard = new Unheard();
    for (const now of [0, 10_000]) unheard.look([{ incarnation: 'a', isHeard: false }], now);
    expect(unheard.isGrey('a')).toBe(false);
  });

  test('says that it is heard at once after a short outage, and 10 s later after one of 5 s', () => {
    const hearing = new Hearing();
    expect(hearing.says(0)).toBe(true);
    hearing.note(false, 1_000);
    expect(hearing.says(1_001)).toBe(false);
    hearing.note(true, 5_999);
    expect(hearing.says(5_999)).toBe(true);
    hearing.note(false, 10_000);
    hearing.note(true, 15_000);
    expect([hearing.isHeard, hearing.says(24_999), hearing.says(25_000)]).toEqual([true, false, true]);
  });

  test('says that it is heard 10 s after it was heard last, if an outage of 5 s was followed by a short one meanwhile', () => {
    const hearing = new Hearing();
    hearing.note(false, 1_000);
    hearing.note(true, 6_000);
    hearing.note(false, 8_000);
    hearing.note(true, 9_000);
    expect([hearing.says(9_000), hearing.says(18_999), hearing.says(19_000)]).toEqual([false, false, true]);
    hearing.note(false, 20_000);
    hearing.note(true, 21_000);
    expect(hearing.says(21_000)).toBe(true);
  });
});
