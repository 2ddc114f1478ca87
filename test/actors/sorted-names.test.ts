import fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import { Presence } from '../../src/actors/home/presence.ts';
import { SortedNames } from '../../src/actors/home/sorted-names.ts';

/** All of it, page by page. */
function read(names: SortedNames, max: number): string[] {
  const all: string[] = [];
  for (let after: string | undefined; ;) {
    const page = names.page(after, max);
    all.push(...page.names);
    if (!page.more) return all;
    expect(page.names.length).toBe(max);
    after = page.names.at(-1);
  }
}

test('names that come and go are in the order of a sort, page by page, from anywhere', () => {
  const name = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 3 }),
    fc.nat(3_000).map((n) => `user ${n}`),
  );
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.record({ what: fc.constantFrom('add', 'remove'), name }) },
    // Many at once, so that runs are split and joined.
    {
      weight: 3,
      arbitrary: fc.record({
        what: fc.constantFrom('add', 'remove'),
        from: fc.nat(2_000),
        many: fc.nat(1_500),
      }),
    },
  );
  fc.assert(
    fc.property(
      fc.array(name, { maxLength: 20 }),
      fc.array(step, { maxLength: 25 }),
      name,
      fc.integer({ min: 1, max: 700 }),
      (first, steps, after, max) => {
        const names = new SortedNames(new Set(first));
        const known = new Set(first);
        const change = (what: string, one: string): void => {
          if (what === 'add') known.add(one);
          else known.delete(one);
          if (what === 'add') names.add(one);
          else names.remove(one);
        };
        for (const act of steps)
          if ('name' in act) change(act.what, act.name);
          else for (let n = act.from; n < act.from + act.many; n++) change(act.what, `user ${n}`);
        const sorted = [...known].toSorted();
        expect(read(names, max)).toEqual(sorted);
        const behind = sorted.filter((one) => one > after);
        expect(names.page(after, max)).toEqual({ names: behind.slice(0, max), more: behind.length > max });
      },
    ),
    { numRuns: 150 },
  );
});

test('[RQ7] the members are sorted once, whatever joins and leaves come between pages', () => {
  const presence = new Presence(15_000);
  const moment = { now: 0, wall: 0 };
  const enter = (user: string): void =>
    void presence.enter(`conn:n.x.${user}`, { user, isAdmin: false }, 'alive', moment);
  for (let n = 0; n < 2_000; n++) enter(`user ${n}`);
  const sorts = vi.spyOn(Array.prototype, 'toSorted');
  for (let n = 0; n < 50; n++) {
    enter('user 199b');
    expect(presence.page('user 1998', 2)).toMatchObject({
      members: [{ user: 'user 1999' }, { user: 'user 199b' }],
      total: 2_001,
      more: true,
    });
    presence.exit('conn:n.x.user 199b', 'left', moment);
    expect(presence.page('user 1999', 1)).toMatchObject({ members: [{ user: 'user 2' }], total: 2_000 });
  }
  expect(sorts).toHaveBeenCalledTimes(1);
  sorts.mockRestore();
});
