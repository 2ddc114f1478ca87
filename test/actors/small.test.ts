import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SmallMap, SmallSet } from '../../src/actors/kit/small.ts';

const act = fc.tuple(fc.constantFrom('set', 'set', 'delete'), fc.nat(4));

test('a small map is a map, whatever is done to it', () => {
  fc.assert(
    fc.property(fc.array(act), (acts) => {
      const [small, map] = [
        new SmallMap<number, number | undefined>(),
        new Map<number, number | undefined>(),
      ];
      for (const [at, [what, key]] of acts.entries()) {
        const value = at % 3 === 0 ? undefined : at;
        if (what === 'set') [small, map].forEach((one) => void one.set(key, value));
        else expect(small.delete(key)).toBe(map.delete(key));
        expect([...small]).toEqual([...map]);
        expect([[...small.keys()], [...small.values()]]).toEqual([[...map.keys()], [...map.values()]]);
        expect([small.size, small.has(key), small.get(key)]).toEqual([map.size, map.has(key), map.get(key)]);
      }
    }),
  );
});

test('a small set is a set, whatever is done to it', () => {
  fc.assert(
    fc.property(fc.array(act), (acts) => {
      const [small, set] = [new SmallSet<number>(), new Set<number>()];
      for (const [what, item] of acts) {
        if (what === 'set') [small, set].forEach((one) => void one.add(item));
        else expect(small.delete(item)).toBe(set.delete(item));
        expect([...small]).toEqual([...set]);
        expect(small.has(item)).toBe(set.has(item));
      }
    }),
  );
});

test('deleting during an iteration does no harm', () => {
  const small = new SmallMap<number, string>();
  for (const key of [1, 2, 3]) small.set(key, 'x');
  for (const key of small.keys()) small.delete(key);
  expect(small.size).toBe(0);
  small.set(1, 'x');
  for (const [key] of small) small.delete(key);
  expect(small.size).toBe(0);
});
