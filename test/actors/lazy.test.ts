import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LazyMap, LazySet } from '../../src/actors/kit/lazy.ts';

const act = fc.tuple(fc.constantFrom('set', 'delete', 'clear'), fc.nat(3));

test('a lazy map is a map, whatever is done to it', () => {
  fc.assert(
    fc.property(fc.array(act), (acts) => {
      const [lazy, map] = [new LazyMap<number, number>(), new Map<number, number>()];
      for (const [at, [what, key]] of acts.entries()) {
        if (what === 'set') [lazy, map].forEach((one) => void one.set(key, at));
        else if (what === 'delete') expect(lazy.delete(key)).toBe(map.delete(key));
        else [lazy, map].forEach((one) => one.clear());
        expect([...lazy]).toEqual([...map]);
        expect([[...lazy.keys()], [...lazy.values()]]).toEqual([[...map.keys()], [...map.values()]]);
        expect([lazy.size, lazy.has(key), lazy.get(key)]).toEqual([map.size, map.has(key), map.get(key)]);
      }
    }),
  );
});

test('a lazy set is a set', () => {
  fc.assert(
    fc.property(fc.array(act), (acts) => {
      const [lazy, set] = [new LazySet<number>(), new Set<number>()];
      for (const [what, item] of acts) {
        if (what === 'set') [lazy, set].forEach((one) => void one.add(item));
        else if (what === 'delete') expect(lazy.delete(item)).toBe(set.delete(item));
        else [lazy, set].forEach((one) => one.clear());
        expect([...lazy]).toEqual([...set]);
        expect([lazy.size, lazy.has(item)]).toEqual([set.size, set.has(item)]);
      }
    }),
  );
});
