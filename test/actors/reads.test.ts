import fc from 'fast-check';
import { epochIn } from '../contract/log-store.contract.ts';
import { describe, expect, test } from 'vitest';
import { FairQueue } from '../../src/actors/log/fair-queue.ts';
import { LOG_LIMITS } from '../../src/actors/log/log.ts';
import { ReadBudget } from '../../src/actors/log/read-budget.ts';
import type { Channel } from '../../src/protocol/channels.ts';
import { Program, type HeldCall } from '../support/program.ts';

const KIB = 1_024;

describe('[LM14] turns', () => {
  test('users take turns, in whatever order and for however much they asked', () => {
    const queue = new FairQueue<string>();
    for (let n = 0; n < 50; n++) queue.add('greedy', `g${n}`);
    queue.add('ann', 'a0');
    queue.add('bob', 'b0');
    const first = [1, 2, 3].map(() => queue.next(() => 64 * KIB));
    expect(first.toSorted()).toEqual(['a0', 'b0', 'g0']);
    expect([queue.size, queue.waitingOf('greedy'), queue.waitingOf('ann')]).toEqual([49, 49, 0]);
  });

  test('turns are of bytes: who reads large pages has fewer of them', () => {
    const queue = new FairQueue<{ readonly user: string; readonly bytes: number }>();
    for (let n = 0; n < 400; n++) {
      queue.add('large', { user: 'large', bytes: 256 * KIB });
      queue.add('small', { user: 'small', bytes: 16 * KIB });
    }
    const had = { large: 0, small: 0 };
    for (let n = 0; n < 200; n++) {
      const item = queue.next(() => 256 * KIB);
      if (!item) throw new Error('nothing waits');
      had[item.user as 'large' | 'small'] += item.bytes;
      queue.putRight(item.user, 256 * KIB - item.bytes);
    }
    // 64 KiB a turn at most, against one page of 16; by pages it would be 16 to 1.
    expect(had.large / had.small).toBeLessThanOrEqual(4);
    expect(had.large).toBeGreaterThan(0);
  });

  test('everything comes out once, each user’s in order, whatever it counts for', () => {
    const item = fc.record({ user: fc.constantFrom('a', 'b', 'c'), bytes: fc.nat(600 * KIB) });
    fc.assert(
      fc.property(fc.array(item, { maxLength: 60 }), (items) => {
        const queue = new FairQueue<(typeof items)[number]>();
        for (const one of items) queue.add(one.user, one);
        const out: (typeof items)[number][] = [];
        for (let next = queue.next(({ bytes }) => bytes); next; next = queue.next(({ bytes }) => bytes))
          out.push(next);
        for (const user of ['a', 'b', 'c'])
          expect(out.filter((one) => one.user === user)).toEqual(items.filter((one) => one.user === user));
        expect(queue.size).toBe(0);
      }),
    );
  });
});

describe('[LM14] the budget', () => {
  test('is eight seconds’ worth at once, then the rate', () => {
    const budget = new ReadBudget(1_000);
    for (let n = 0; n < 8; n++) expect(budget.take('ann', 1_000, 0)).toBe(0);
    expect(budget.take('ann', 1_000, 0)).toBe(1_000);
    expect(budget.take('bob', 1_000, 0)).toBe(0);
    expect(budget.take('ann', 1_000, 999)).toBe(1);
    expect(budget.take('ann', 1_000, 1_000)).toBe(0);
    budget.giveBack('ann', 900);
    expect(budget.take('ann', 900, 1_000)).toBe(0);
  });

  test('lets a page in that is larger than all of it, when nothing is owed', () => {
    const budget = new ReadBudget(100);
    expect(budget.take('ann', 5_000, 0)).toBe(0);
    expect(budget.take('ann', 5_000, 0)).toBe(50_000);
    expect(budget.take('ann', 5_000, 50_000)).toBe(0);
  });

  test('forgets who owes nothing', () => {
    const budget = new ReadBudget(1_000);
    for (let n = 0; n < 10_000; n++) budget.take(`u${n}`, 100, n * 10);
    expect(budget.size).toBeLessThan(2_100);
  });
});

describe('[LM14] reads of the log', () => {
  const setUp = (readBytesPerSecond: number, page = { limit: 10, bytesMax: 10 * KIB }) => {
    const program = new Program({ page, logLimits: { ...LOG_LIMITS, readBytesPerSecond } });
    const fill = (room: string, count: number, content = 'x'.repeat(KIB)): void => {
      const owner = 'w';
      const channel: Channel = `room:${room}`;
      const claims = [{ channel, mode: 'create', epoch: 0 }] as const;
      const { store } = program.world;
      let epoch = 0;
      store.call('claim', { owner, claims }, 0, (r) => (epoch = (r.ok && epochIn(r.value, channel)) || 0));
      const appends = Array.from({ length: count }, (_, n) => {
        const entry = { id: `${room}-${n + 1}`, sender: 'w', content, data: null, sentAt: null };
        return { channel, epoch, createsRoom: true, entry };
      });
      store.call('append', { owner, appends }, 0, () => {});
    };
    const ids = (number: number): string[] =>
      program
        .frames(number)
        .filter(({ type }) => type === 'chat')
        .map(({ id }) => id as string);
    return { program, fill, ids };
  };
  const results = (program: Program, number: number, type: string): any[] =>
    program.frames(number).filter((frame) => frame.type === type);

  test('history over the budget is refused with a time, by every connection of the user and no other’s', () => {
    const { program, fill } = setUp(64 * KIB);
    fill('a', 200);
    const [one, two] = [program.connect('ann'), program.connect('ann')];
    const other = program.connect('bob');
    const history = (number: number, id: string): void =>
      program.frame(number, { type: 'history', id, room: 'a', after: 0, limit: 200 });
    for (let n = 0; n < 6; n++) history(n % 2 ? one : two, `h${n}`);
    const refused = [one, two].flatMap((number) => results(program, number, 'error'));
    expect(refused.length).toBeGreaterThan(0);
    for (const error of refused)
      expect(error).toMatchObject({
        code: 'rate_limited',
        retryable: true,
        retryAfterMs: expect.any(Number),
      });
    history(other, 'b');
    expect(results(program, other, 'history')).toHaveLength(1);
    expect(program.world.counts.get('limited_reads')).toBe(refused.length);
    // As soon as it said.
    const wait = Math.max(...refused.map(({ retryAfterMs }) => retryAfterMs as number));
    program.advance(wait + 1);
    history(one, 'later');
    expect(results(program, one, 'history').at(-1)).toMatchObject({ id: 'later' });
  });

  test('what a page counts for is its bytes, in every script', () => {
    const pagesOf = (content: string): number => {
      const { program, fill } = setUp(64 * KIB);
      fill('a', 3, content);
      const number = program.connect('ann');
      for (let n = 0; n < 200; n++)
        program.frame(number, { type: 'history', id: `h${n}`, room: 'a', before: 4, limit: 3 });
      return results(program, number, 'history').length;
    };
    expect(pagesOf('\u3042'.repeat(1_000))).toBe(pagesOf('x'.repeat(3_000)));
  });

  test('going on before the told time is abuse', () => {
    const { program, fill } = setUp(64 * KIB);
    fill('a', 200);
    const number = program.connect('ann');
    for (let n = 0; n < 310; n++)
      program.frame(number, { type: 'history', id: `h${n}`, room: 'a', after: 0, limit: 200 });
    expect(program.world.sockets.closed.get(number)).toMatchObject({ code: 4504 });
  });

  test('a replay goes on when it may, in order and in full; a user who can pay is not held up', () => {
    const { program, fill, ids } = setUp(8 * KIB);
    fill('a', 200);
    const [ann, bob] = [program.connect('ann'), program.connect('bob')];
    program.frame(ann, { type: 'join', id: 'j', room: 'a', since: 0 });
    const all = Array.from({ length: 200 }, (_, n) => `a-${n + 1}`);
    const atOnce = ids(ann).length;
    expect(atOnce).toBeGreaterThan(40);
    expect(atOnce).toBeLessThan(80);
    // The other has all of his own.
    program.frame(bob, { type: 'join', id: 'j', room: 'a', since: 150 });
    expect(ids(bob)).toEqual(all.slice(150));
    program.advance(5_000);
    const later = ids(ann).length;
    expect(later - atOnce).toBeGreaterThan(20);
    expect(later - atOnce).toBeLessThan(60);
    // What is said meanwhile comes in its place.
    program.chat('a', 'live');
    program.advance(30_000);
    expect(ids(ann)).toEqual([...all, 'live']);
    expect(ids(bob)).toEqual([...all.slice(150), 'live']);
  });

  test('what live traffic lacks is read first, and users never have all ways to the store', () => {
    const { program, fill } = setUp(0);
    fill('a', 20);
    const held: HeldCall[] = [];
    program.hook = (call) => call.name === 'page' && (held.push(call), true);
    const page = (start: object, by: string | null) =>
      program.tell('log', {
        type: 'page',
        channel: 'room:a',
        start,
        limit: 5,
        bytesMax: KIB,
        reader: null,
        by,
      });
    for (let after = 0; after < 20; after++) page({ after }, after % 2 ? 'ann' : 'bob');
    program.settle();
    expect(held).toHaveLength(LOG_LIMITS.userPagesInFlight);
    page({ after: 1, upTo: 2 }, null);
    program.settle();
    expect(held).toHaveLength(LOG_LIMITS.userPagesInFlight + 1);
    expect(held.at(-1)?.request).toMatchObject({ start: { after: 1, upTo: 2 } });
    expect(held[0]?.request).not.toHaveProperty('by');
    while (held.length > 0) {
      held.shift()?.answer();
      program.settle();
    }
  });

  test('of one user a bounded number waits; others are still let in', async () => {
    const { program, fill } = setUp(0);
    fill('a', 20);
    program.hook = (call) => call.name === 'page';
    const ask = (after: number, by: string) =>
      program.ask('log', {
        type: 'page',
        channel: 'room:a',
        start: { after },
        limit: 5,
        bytesMax: KIB,
        reader: null,
        by,
      });
    const { userPagesInFlight, userPagesWaiting } = LOG_LIMITS;
    let refused: any;
    for (let n = 0; n <= userPagesInFlight + userPagesWaiting; n++)
      void ask(n, 'greedy').then((answer) => (refused ??= answer.body));
    // All that is under way began at once; from then on what comes waits.
    program.settle();
    for (let n = 100; n <= 100 + userPagesWaiting; n++)
      void ask(n, 'greedy').then((answer) => (refused ??= answer.body));
    let other: any;
    void ask(1_000, 'ann').then((answer) => (other = answer));
    program.settle();
    await Promise.resolve();
    expect(refused).toMatchObject({ ok: false, failure: 'limited', retryAfterMs: expect.any(Number) });
    expect(other).toBeUndefined();
  });
});
