import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Channel } from '../../src/protocol/channels.ts';
import type { Claimed, ClaimMode, LogStore } from '../../src/runtime/ports/log-store.ts';
import { SHARDS } from '../../src/actors/kit/shards.ts';
import type { View, ViewStamp } from '../../src/runtime/ports/placement.ts';
import { claim, get, newRoom, type StoreUnderTest } from './log-store.contract.ts';

/** A view in which these processes have the shards in turn. */
export function viewOf(version: number, ...nodes: string[]): View {
  const shards = Array.from({ length: SHARDS }, (_, shard) => shard % nodes.length);
  return { version, stamp: randomUUID(), nodes, shards };
}

export function take(store: LogStore, incarnation: string) {
  return get(store, 'renew', { incarnation, node: incarnation.split('.')[0] ?? '', mode: 'take' });
}

export function change(store: LogStore, before: ViewStamp | null, view: View): Promise<boolean> {
  return get(store, 'changeView', { before, view });
}

/** Puts a view in place of whichever there is. */
export async function place(store: LogStore, ...nodes: string[]): Promise<View> {
  const before = await get(store, 'view', {});
  const view = viewOf((before?.version ?? 0) + 1, ...nodes);
  expect(await change(store, before, view)).toBe(true);
  return view;
}

const rowless = (): Channel => `room:${newRoom()}`;

/** What a log store promises about the view (D11), and about claims under it (D7). Its cases build on each other. */
export function logStoreViewContract(name: string, open: () => Promise<StoreUnderTest>): void {
  describe(`log store contract, view: ${name}`, () => {
    let under: StoreUnderTest;
    let store: LogStore;
    beforeAll(async () => {
      under = await open();
      store = under.store;
    });
    afterAll(() => under.close());

    const tell = async (owner: string, channel: Channel, mode: ClaimMode, epoch: number, shard?: number) => {
      const claims = [{ channel, mode, epoch, ...(shard === undefined ? {} : { shard }) }];
      return (await get(store, 'claim', { owner, claims })).get(channel);
    };

    test('[D7] without a view the store grants no claim by shard', async () => {
      await take(store, 'a.1');
      const channel = rowless();
      const { epoch } = await claim(store, channel, 'a.1');
      expect(await tell('a.1', channel, 'open', 0, 0)).toBeNull();
      expect(await tell('a.1', channel, 'create', 0, 0)).toBeNull();
      expect(await tell('a.1', channel, 'settle', epoch, 0)).toBeNull();
      expect(await tell('a.1', rowless(), 'create', 0, 0)).toBeNull();
      expect(await tell('a.1', channel, 'settle', epoch)).toEqual({ epoch: epoch + 1, head: 0 });
    });

    test('[D11] the first view is made once', async () => {
      expect(await get(store, 'view', {})).toBeNull();
      expect((await take(store, 'a.1')).view).toBeNull();
      expect(await change(store, { version: 0, stamp: randomUUID() }, viewOf(1, 'x.1'))).toBe(false);
      expect(await get(store, 'view', {})).toBeNull();
      const first = viewOf(1, 'a.1', 'b.1', 'c.1');
      expect(await change(store, null, first)).toBe(true);
      expect(await change(store, null, viewOf(1, 'x.1'))).toBe(false);
      expect(await get(store, 'view', {})).toEqual(first);
    });

    test('[D11] a view changes only from the one that the caller knows, by version and by stamp', async () => {
      const known = (await get(store, 'view', {})) as View;
      const { version, stamp } = known;
      const next = viewOf(version + 1, 'b.1', 'a.1');
      expect(await change(store, { version: version + 1, stamp }, next)).toBe(false);
      expect(await change(store, { version: version - 1, stamp }, next)).toBe(false);
      // A database that lost its end gives a version twice (D21).
      expect(await change(store, { version, stamp: randomUUID() }, next)).toBe(false);
      expect(await get(store, 'view', {})).toEqual(known);
      expect(await change(store, { version, stamp }, next)).toBe(true);
      expect(await change(store, { version, stamp }, next)).toBe(false);
      expect(await get(store, 'view', {})).toEqual(next);
    });

    test('[D11] a renewal tells the version and the stamp, taken or not', async () => {
      const { version, stamp } = await place(store, 'a.1', 'b.1');
      for (const mode of ['take', 'renew'] as const) {
        const { view } = await get(store, 'renew', { incarnation: 'a.1', node: 'a', mode });
        expect(view).toEqual({ version, stamp });
      }
      const unknown = await get(store, 'renew', { incarnation: 'q.1', node: 'q', mode: 'renew' });
      expect(unknown).toMatchObject({ isHeld: false, view: { version, stamp } });
    });

    test('[D11] of two that change the same view at once exactly one does', async () => {
      for (let round = 0; round < 20; round++) {
        const before = (await get(store, 'view', {})) as View;
        const views = ['a.1', 'b.1'].map((node) => viewOf(before.version + 1, node));
        const done = await Promise.all(views.map((next) => change(store, before, next)));
        expect(done.toSorted()).toEqual([false, true]);
        expect(await get(store, 'view', {})).toEqual(views[done.indexOf(true)]);
      }
    });

    describe('[D7] a claim by shard', () => {
      /** In the view the even shards are `a.1`'s and the odd ones `b.1`'s, and both live. */
      beforeAll(async () => {
        await take(store, 'a.1');
        await take(store, 'b.1');
        await take(store, 'dead.1');
        await place(store, 'a.1', 'b.1', 'dead.1', 'none.1');
      });
      const shardOf = { 'a.1': SHARDS - 4, 'b.1': SHARDS - 3, 'dead.1': SHARDS - 2, 'none.1': SHARDS - 1 };
      type Node = keyof typeof shardOf;

      test('is granted to the process that the view names, in each mode', async () => {
        for (const owner of ['a.1', 'b.1'] as const) {
          const channel = rowless();
          const shard = shardOf[owner];
          expect(await tell(owner, channel, 'open', 0, shard)).toBeUndefined();
          expect(await tell(owner, channel, 'create', 0, shard)).toEqual({ epoch: 1, head: 0 });
          expect(await tell(owner, channel, 'create', 0, shard)).toEqual({ epoch: 2, head: 0 });
          expect(await tell(owner, channel, 'open', 0, shard)).toEqual({ epoch: 3, head: 0 });
          expect(await tell(owner, channel, 'settle', 3, shard)).toEqual({ epoch: 4, head: 0 });
        }
        // The first and the last shard.
        expect(await tell('a.1', rowless(), 'create', 0, 0)).toEqual({ epoch: 1, head: 0 });
        expect(await tell('none.1', rowless(), 'create', 0, SHARDS - 1)).toBeNull();
      });

      const refuses = async (owner: Node, shard: number): Promise<void> => {
        const channel = rowless();
        // Without a row it is refused too, and makes none.
        expect(await tell(owner, channel, 'open', 0, shard)).toBeNull();
        expect(await tell(owner, channel, 'create', 0, shard)).toBeNull();
        expect((await get(store, 'heads', { channels: [channel] })).size).toBe(0);
        await claim(store, channel, owner);
        expect(await tell(owner, channel, 'open', 0, shard)).toBeNull();
        expect(await tell(owner, channel, 'create', 0, shard)).toBeNull();
        expect(await tell(owner, channel, 'settle', 1, shard)).toBeNull();
        // It has changed nothing.
        expect(await tell(owner, channel, 'settle', 1)).toEqual({ epoch: 2, head: 0 });
      };

      test('is refused to another process', () => refuses('a.1', shardOf['b.1']));
      test('is refused to a process without a lease', () => refuses('none.1', shardOf['none.1']));
      test('is refused to a dead process', async () => {
        expect(await tell('dead.1', rowless(), 'create', 0, shardOf['dead.1'])).toMatchObject({ epoch: 1 });
        const leases = [{ incarnation: 'dead.1', beats: 0 }];
        await get(store, 'declareDead', { leases });
        await refuses('dead.1', shardOf['dead.1']);
      });
      test('is refused for a shard that does not exist', () => refuses('a.1', SHARDS));

      test('that settles another epoch, or an epoch of another owner, is missing whatever the view says', async () => {
        const channel = rowless();
        const { epoch } = await claim(store, channel, 'a.1');
        for (const shard of [shardOf['a.1'], shardOf['b.1']]) {
          expect(await tell('a.1', channel, 'settle', epoch + 1, shard)).toBeUndefined();
          expect(await tell('b.1', channel, 'settle', epoch, shard)).toBeUndefined();
          expect(await tell('a.1', rowless(), 'settle', 1, shard)).toBeUndefined();
        }
      });

      test('follows each change of the view', async () => {
        const channel = rowless();
        const shard = 6;
        expect(await tell('a.1', channel, 'create', 0, shard)).toBeNull();
        await place(store, 'a.1', 'b.1');
        expect(await tell('a.1', channel, 'create', 0, shard)).toEqual({ epoch: 1, head: 0 });
        await place(store, 'b.1', 'a.1');
        expect(await tell('a.1', channel, 'settle', 1, shard)).toBeNull();
        expect(await tell('b.1', channel, 'open', 0, shard)).toEqual({ epoch: 2, head: 0 });
      });

      test('is judged by itself, in one call with 511 others', async () => {
        await place(store, 'a.1', 'b.1');
        const known = Array.from({ length: 128 }, rowless);
        await get(store, 'claim', {
          owner: 'x',
          claims: known.map((channel) => ({ channel, mode: 'create', epoch: 0 })),
        });
        const [made, opened] = [Array.from({ length: 256 }, rowless), Array.from({ length: 128 }, rowless)];
        const claims = [
          ...known.map((channel, at) => ({ channel, mode: 'open' as const, epoch: 0, shard: at })),
          ...made.map((channel, at) => ({ channel, mode: 'create' as const, epoch: 0, shard: at })),
          ...opened.map((channel, at) => ({ channel, mode: 'open' as const, epoch: 0, shard: at })),
        ];
        const reply = await get(store, 'claim', { owner: 'b.1', claims });
        const expected = (channels: readonly Channel[], odd: Claimed | undefined) =>
          channels.map((_, at) => (at % 2 === 1 ? odd : null));
        const told = (channels: readonly Channel[]) => channels.map((channel) => reply.get(channel));
        expect(told(known)).toEqual(expected(known, { epoch: 2, head: 0 }));
        expect(told(made)).toEqual(expected(made, { epoch: 1, head: 0 }));
        expect(told(opened)).toEqual(expected(opened, undefined));
      });

      test('without a shard it is granted whatever the view says, beside others with one', async () => {
        const [free, bound] = [rowless(), rowless()];
        const claims = [
          { channel: free, mode: 'create' as const, epoch: 0 },
          { channel: bound, mode: 'create' as const, epoch: 0, shard: 0 },
        ];
        const reply = await get(store, 'claim', { owner: 'stranger', claims });
        expect(reply.get(free)).toEqual({ epoch: 1, head: 0 });
        expect(reply.get(bound)).toBeNull();
      });
    });
  });
}
