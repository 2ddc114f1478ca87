import { beforeEach, describe, expect, test } from 'vitest';
import { holders, nextView, SHARDS, targetsOf } from '../../src/actors/kit/shards.ts';
import { viewBehaviour } from '../../src/actors/node/view.ts';
import { changeOf, type Situation } from '../../src/actors/node/view-plan.ts';
import type { ViewMessage } from '../../src/actors/messages/node.ts';
import type { Effect, ReplyTo, Turn } from '../../src/runtime/ports/actor.ts';
import type { Lease } from '../../src/runtime/ports/leases.ts';
import type { StoreReply } from '../../src/runtime/ports/log-store.ts';
import type { Incarnation, View } from '../../src/runtime/ports/placement.ts';

const lease = (incarnation: Incarnation, change: Partial<Lease> = {}): Lease => ({
  incarnation,
  node: incarnation.slice(0, 1),
  beats: 0,
  isDead: false,
  takesHomes: true,
  isHeard: true,
  ...change,
});

/** The view in which each shard is where it belongs among these processes. */
function settled(nodes: readonly Incarnation[], before: View | null = null): View {
  const target = targetsOf(nodes) as (shard: number) => Incarnation;
  const byShard = Array.from({ length: SHARDS }, (_, shard) => target(shard));
  return nextView(before, byShard, `stamp of ${nodes.join()}`);
}

/** How many shards a process has. */
const count = (byShard: readonly unknown[], node: Incarnation): number =>
  byShard.filter((holder) => holder === node).length;

describe('[D11] the place of a shard', () => {
  test('is the same on every node, whatever the order of the names', () => {
    const [here, there] = [targetsOf(['a', 'b', 'c']), targetsOf(['c', 'a', 'b'])];
    for (let shard = 0; shard < SHARDS; shard++) expect(here(shard)).toBe(there(shard));
  });

  test('is spread evenly', () => {
    const byShard = holders(settled(['a', 'b', 'c', 'd']));
    for (const node of ['a', 'b', 'c', 'd']) {
      expect(count(byShard, node)).toBeGreaterThan(200);
      expect(count(byShard, node)).toBeLessThan(312);
    }
  });

  test('changes only to a node that comes, or from one that goes', () => {
    const [three, four] = [holders(settled(['a', 'b', 'c'])), holders(settled(['a', 'b', 'c', 'd']))];
    const moved = three.filter((holder, shard) => holder !== four[shard]);
    expect(moved).toHaveLength(count(four, 'd'));
    for (const [shard, holder] of four.entries()) if (holder !== three[shard]) expect(holder).toBe('d');
  });
});

describe('[D11] what a node changes in the view', () => {
  const situation = (change: Partial<Situation>): Situation => ({
    self: 'a',
    takesHomes: true,
    others: [lease('b')],
    isGrey: () => false,
    unseen: [],
    view: settled(['a', 'b']),
    isSettled: false,
    ...change,
  });

  test('nothing while all shards are where they belong', () => {
    expect(changeOf(situation({ isSettled: true }))).toBeUndefined();
  });

  test('the first node puts all of them to itself', () => {
    expect(count(changeOf(situation({ others: [], view: null })) ?? [], 'a')).toBe(SHARDS);
  });

  test('a new node gets shards when the nodes have been the same for a while, 64 at a time from each', () => {
    const others = [lease('b'), lease('c')];
    const view = settled(['a', 'b']);
    expect(changeOf(situation({ others }))).toBeUndefined();
    const after = changeOf(situation({ others, isSettled: true })) ?? [];
    expect(count(after, 'c')).toBe(64);
    // It gives only what it has itself.
    expect(count(after, 'a')).toBe(count(holders(view), 'a') - 64);
    expect(count(after, 'b')).toBe(count(holders(view), 'b'));
  });

  test('the shards of a dead one go where they belong at once, all of them, and nothing else moves', () => {
    const view = settled(['a', 'b', 'c']);
    const after = changeOf(situation({ view, isSettled: true })) ?? [];
    expect(after).toEqual(holders(settled(['a', 'b'])));
  });

  test('a node that came after the last look is not taken for a dead one', () => {
    const view = settled(['a', 'b', 'c']);
    expect(changeOf(situation({ view, unseen: ['c'] }))).toBeUndefined();
  });

  test('an edge never gets a shard, and changes nothing', () => {
    const edge = lease('e', { takesHomes: false });
    const after = changeOf(situation({ others: [edge], view: settled(['a', 'b']) })) ?? [];
    expect(count(after, 'a')).toBe(SHARDS);
    const ofEdge = { self: 'e', takesHomes: false, others: [lease('a')] };
    expect(changeOf(situation({ ...ofEdge, view: settled(['a', 'b']) }))).toBeUndefined();
    expect(changeOf(situation({ ...ofEdge, view: null }))).toBeUndefined();
  });

  test('a node that leaves hands over what it has, 64 at a time and without waiting', () => {
    let view = settled(['a', 'b']);
    const has = count(holders(view), 'a');
    let groups = 0;
    for (let after; (after = changeOf(situation({ takesHomes: false, view }))); groups++)
      view = nextView(view, after, String(groups));
    expect(groups).toBe(Math.ceil(has / 64));
    expect(count(holders(view), 'b')).toBe(SHARDS);
  });

  test('a node that leaves alone keeps its shards', () => {
    expect(changeOf(situation({ takesHomes: false, others: [] }))).toBeUndefined();
  });
});

describe('[D11] the view of a node', () => {
  const SELF = 'a';
  let now: number;
  let keeper: Keeper;

  interface Keeper {
    take(message: ViewMessage | { type: string }, replyTo?: ReplyTo): readonly Effect[];
  }

  function start(restarted: boolean): Keeper {
    let ids = 0;
    const behaviour = viewBehaviour({ incarnation: SELF, takesHomes: true, reach: { isReached: true } });
    const turnOf = (replyTo?: ReplyTo) => ({ now, replyTo, newId: () => `id ${++ids}` }) as unknown as Turn;
    const context = { address: 'view', id: '', init: undefined, restarted } as const;
    const [state] = behaviour.start(context, turnOf());
    return {
      take: (message, replyTo) => behaviour.step(state, message as ViewMessage, turnOf(replyTo)),
    };
  }

  beforeEach(() => {
    now = 10_000;
    keeper = start(false);
  });

  const calls = (effects: readonly Effect[]) => effects.filter((effect) => effect.type === 'store');
  const replied = (call: number, value: unknown): readonly Effect[] =>
    keeper.take({ type: 'storeReplied', call, reply: { ok: true, value } as StoreReply });
  const looked = (leases: readonly Lease[], view: View | null) =>
    keeper.take({
      type: 'looked',
      leases,
      isHeard: true,
      isReached: true,
      view: view && { version: view.version, stamp: view.stamp },
    });

  /** The node has read this view. */
  function know(view: View, others: readonly Lease[]): readonly Effect[] {
    const [read] = calls(looked(others, view));
    expect(read?.request).toEqual({ call: 'view' });
    return replied(read?.call ?? 0, view);
  }

  test('is read when a look shows another stamp, or a hint names one', () => {
    const view = settled(['a', 'b']);
    const effects = know(view, [lease('b')]);
    expect(effects.find(({ type }) => type === 'place')).toMatchObject({ view, peers: ['b'] });
    expect(calls(looked([lease('b')], view))).toEqual([]);
    expect(calls(keeper.take({ type: 'viewChanged', stamp: view.stamp }))).toEqual([]);
    expect(calls(keeper.take({ type: 'viewChanged', stamp: 'another' }))).toHaveLength(1);
  });

  test('is not read for a hint before the first look: who lives is not known', () => {
    expect(calls(keeper.take({ type: 'viewChanged', stamp: 'x' }))).toEqual([]);
  });

  test('is changed by compare-and-set on version and stamp; the others get a hint of it', () => {
    const view = settled(['a', 'b', 'c']);
    const [change] = calls(know(view, [lease('b'), lease('c', { isDead: true })]));
    expect(change?.request).toMatchObject({
      call: 'changeView',
      before: { version: view.version, stamp: view.stamp },
      view: { version: view.version + 1, stamp: 'id 1', nodes: ['a', 'b'] },
    });
    const effects = replied(change?.call ?? 0, true);
    expect(effects.filter(({ type }) => type === 'publish')).toMatchObject([
      { to: 'view', nodes: ['b'], message: { type: 'viewChanged', stamp: 'id 1' } },
    ]);
  });

  test('is read again when another node was first', () => {
    const [change] = calls(know(settled(['a', 'b', 'c']), [lease('b'), lease('c', { isDead: true })]));
    const effects = replied(change?.call ?? 0, false);
    expect(calls(effects)).toMatchObject([{ request: { call: 'view' } }]);
    expect(effects.some(({ type }) => type === 'place')).toBe(false);
  });

  test('stays as it is for 5 s after a node has come, and as long as the look shows another one', () => {
    const view = settled(['a', 'b']);
    const others = [lease('b'), lease('c')];
    know(view, others);
    now += 4_999;
    expect(calls(looked(others, view))).toEqual([]);
    now += 1;
    const [change] = calls(looked(others, view));
    expect(change?.request.call).toBe('changeView');
    replied(change?.call ?? 0, true);
    // Another node comes meanwhile.
    const more = [...others, lease('d')];
    expect(calls(looked(more, view)).map(({ request }) => request.call)).toEqual(['view']);
  });

  test('is not changed by a node in doubt; its homes hear of the doubt and of its end', () => {
    const view = settled(['a', 'b']);
    know(view, [lease('b')]);
    const doubts = (effects: readonly Effect[]) =>
      effects.flatMap((effect) =>
        effect.type === 'tellLocalKind' && effect.kind === 'room' ? [effect.message] : [],
      );
    expect(doubts(keeper.take({ type: 'doubtful' }))).toEqual([{ type: 'nodeDoubted', isDoubtful: true }]);
    expect(calls(keeper.take({ type: 'leave' }))).toEqual([]);
    expect(doubts(looked([lease('b')], view))).toEqual([{ type: 'nodeDoubted', isDoubtful: false }]);
  });

  test('is in doubt: a home that begins meanwhile hears so', () => {
    know(settled(['a', 'b']), [lease('b')]);
    const begun = { type: 'homeBegan', channel: 'room:x' } as const;
    expect(keeper.take(begun)).toEqual([]);
    keeper.take({ type: 'doubtful' });
    expect(keeper.take(begun)).toMatchObject([
      { type: 'tell', to: 'room:x', message: { type: 'nodeDoubted', isDoubtful: true } },
    ]);
  });

  test('of a new generation: there may be a doubt from before, which is over at the first look', () => {
    keeper = start(true);
    expect(keeper.take({ type: 'homeBegan', channel: 'room:x' })).toHaveLength(1);
    const told = looked([lease('b')], null).filter(({ type }) => type === 'tellLocalKind');
    expect(told).toContainEqual(
      expect.objectContaining({ kind: 'user', message: { type: 'nodeDoubted', isDoubtful: false } }),
    );
  });

  test('that a failover has lost is made anew, as the first one', () => {
    know(settled(['a', 'b']), [lease('b')]);
    const [read] = calls(looked([lease('b')], null));
    expect(read?.request).toEqual({ call: 'view' });
    const [change] = calls(replied(read?.call ?? 0, null));
    expect(change?.request).toMatchObject({ call: 'changeView', before: null, view: { version: 1 } });
  });

  test('without a process that is over: the homes lose its devices, once', () => {
    const view = settled(['a', 'b']);
    know(view, [lease('b')]);
    const withdrawn = (effects: readonly Effect[]) =>
      effects.filter(
        (effect) =>
          effect.type === 'tellLocalKind' && (effect.message as { type: string }).type === 'withdraw',
      );
    const dead = [lease('b', { isDead: true })];
    const effects = looked(dead, view);
    expect(withdrawn(effects)).toHaveLength(3);
    expect(effects).toContainEqual({ type: 'place', view, peers: [], gone: ['b'] });
    expect(withdrawn(looked(dead, view))).toEqual([]);
    // It was here between two looks only, and may have said something.
    expect(withdrawn(looked([...dead, lease('c', { isDead: true })], view))).toHaveLength(3);
  });

  test('is left when the node has handed over all: who asked for it hears so', () => {
    const view = settled(['a', 'b']);
    const asker = { ask: 1, from: 'drain' } as ReplyTo;
    know(view, [lease('b')]);
    let effects = keeper.take({ type: 'leave' }, asker);
    expect(effects).toContainEqual(
      expect.objectContaining({ type: 'tell', to: 'lease', message: { type: 'takeNoHomes' } }),
    );
    for (let groups = 0; groups < 20 && calls(effects).length > 0; groups++) {
      const [change] = calls(effects);
      const done = replied(change?.call ?? 0, true);
      expect(done).toContainEqual({ type: 'arm', timer: 'group', delayMs: 200 });
      effects = keeper.take({ type: 'timer', timer: 'group' } as unknown as ViewMessage);
    }
    expect(effects).toEqual([{ type: 'reply', to: asker, body: {} }]);
  });
});
