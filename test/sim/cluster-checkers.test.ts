import { expect, test } from 'vitest';
import { ClusterChecker } from '../../src/sim/checkers/cluster-checker.ts';
import type { Bus, BusEvents, RemoteMessage } from '../../src/runtime/ports/bus.ts';
import { GreyChecker } from '../../src/sim/checkers/grey-checker.ts';
import { LinkChecker } from '../../src/sim/checkers/link-checker.ts';
import { Timeline } from '../../src/sim/kit/timeline.ts';

// A checker must not ask for more than the cluster promises, nor for less.

const said: string[] = [];
const violate = (invariant: number, text: string): void => void said.push(`${invariant}: ${text}`);
const found = (): string[] => said.splice(0);

test('[D11] a process that alone hears nothing has no homes after 8 s, and one that hears nothing with most others may keep them', () => {
  const audit = (
    deaf: readonly string[],
    homes: readonly string[],
    leaving: readonly string[] = [],
  ): number => {
    const grey = new GreyChecker(violate);
    const hearers = ['a', 'b', 'c'].map((owner) => ({ owner, isLeaving: leaving.includes(owner) }));
    const known = {
      silentMs: (owner: string) => (deaf.includes(owner) ? 3_000 : 500),
      isHeard: (owner: string) => !deaf.includes(owner),
      hasHomes: (owner: string) => homes.includes(owner),
    };
    for (let now = 0; now <= 10_000; now += 1_000) {
      grey.audit(hearers, known, now);
      if (found().length > 0) return now;
    }
    return Infinity;
  };
  expect(audit(['c'], ['a', 'b', 'c'])).toBe(9_000);
  expect(audit(['c'], ['a', 'b'])).toBe(Infinity);
  expect(audit(['b', 'c'], ['a', 'b', 'c'])).toBe(Infinity);
  expect(audit(['c'], ['a', 'b', 'c'], ['a', 'b'])).toBe(Infinity);
});

test('[D11] a process that was not heard for 5 s is not heard for 10 s more', () => {
  const grey = new GreyChecker(violate);
  const isFound = (deniedMs: number): boolean => {
    grey.heardAfter('a', deniedMs);
    return found().length > 0;
  };
  expect([4_000, 6_000, 7_000, 13_000, 15_000].map(isFound)).toEqual([false, false, true, true, false]);
});

test('[D11] a process is dead for not beating only if the database has answered meanwhile', () => {
  /** Beats of `a` up to one moment, and of `b` at all of these; then `b` says that `a` is dead. */
  const accused = (lastOfA: number, looks: readonly number[]): string[] => {
    const timeline = new Timeline();
    const checker = new ClusterChecker(timeline, violate, true);
    const reply = { ok: true, value: { isHeld: true } } as never;
    const beat = (incarnation: string): void =>
      checker.committed({ call: 'renew', incarnation, node: incarnation, mode: 'take' }, reply);
    for (const node of ['a', 'b']) checker.started(node);
    let beats = -1;
    for (const at of looks) {
      timeline.after(at - timeline.now, () => {
        if (at <= lastOfA) beat('a');
        if (at <= lastOfA) beats++;
        beat('b');
      });
      while (timeline.step(at));
    }
    const leases = [{ incarnation: 'a', beats }];
    checker.committed({ call: 'declareDead', leases }, { ok: true, value: null });
    return found();
  };
  const every = (from: number, to: number): number[] =>
    Array.from({ length: Math.floor((to - from) / 700) + 1 }, (_, at) => from + at * 700);
  expect(accused(1_400, every(0, 4_900))).toEqual([]);
  expect(accused(1_400, every(0, 3_500))).toEqual(['17: a is declared dead 2100 ms after its last beat']);
  const pause = '17: a is declared dead for not beating while no process could';
  expect(accused(1_400, [...every(0, 1_400), 6_000])).toEqual([pause]);
  expect(accused(1_400, [...every(0, 1_400), ...every(6_000, 9_000)])).toEqual([]);
  // It was silent for long enough before.
  expect(accused(1_400, [...every(0, 4_900), 9_000])).toEqual([]);
});

test('[D11] a view takes shards of two living processes only if these were not heard for 5 s, or were a moment ago', () => {
  const takenAt = (heardAgainAt: number, changedAt: number): string[] => {
    const timeline = new Timeline();
    const checker = new ClusterChecker(timeline, violate, true);
    const change = (version: number, nodes: readonly string[]): void => {
      const view = { version, stamp: `v${version}`, nodes, shards: [0, nodes.length - 1] };
      const before = version === 1 ? null : { version: version - 1, stamp: `v${version - 1}` };
      checker.committed({ call: 'changeView', before, view }, { ok: true, value: true });
    };
    const beat = (isHeard: boolean): void => {
      for (const incarnation of ['a', 'b'])
        checker.committed({ call: 'renew', incarnation, node: incarnation, mode: 'take', isHeard }, {
          ok: true,
          value: { isHeld: true },
        } as never);
    };
    const at = (time: number, run: () => void): void => void timeline.after(time, run);
    at(0, () => change(1, ['a', 'b']));
    at(0, () => beat(false));
    at(heardAgainAt, () => beat(true));
    at(changedAt, () => change(2, ['c']));
    while (timeline.step(changedAt));
    return found();
  };
  expect(takenAt(9_000, 8_000)).toEqual([]);
  expect(takenAt(9_000, 9_030)).toEqual([]);
  const taken = ['10: view 2 takes shards of a and b, which live'];
  expect(takenAt(9_000, 15_100)).toEqual(taken);
  expect(takenAt(4_000, 4_030)).toEqual(taken);
});

/** What `a` sends, and what comes of it at `b`. */
function link(isTroubled = false) {
  const timeline = new Timeline();
  const checker = new LinkChecker(timeline, violate, () => isTroubled);
  const nothing = (): void => {};
  const ignored: BusEvents = {
    received: nothing,
    hole: nothing,
    gaveUp: nothing,
    lost: nothing,
    heard: nothing,
  };
  const ends = ['a', 'b'].map((self) => {
    let events: BusEvents = ignored;
    const bus: Bus = { connect: (to) => (events = to), send: () => true, flush: nothing, know: nothing };
    const watched = checker.watch(self, bus);
    watched.connect(ignored);
    return { bus: watched, events };
  });
  const [a, b] = ends as [(typeof ends)[0], (typeof ends)[0]];
  const say = (ask: number): RemoteMessage => ({ type: 'moved', of: 'room:x', generation: null, ask });
  return {
    sends: (...asks: readonly number[]) => asks.forEach((ask) => a.bus.send('b', say(ask))),
    knows: (...peers: readonly string[]) => a.bus.know(peers),
    gets: (...asks: readonly number[]) => b.events.received('a', asks.map(say)),
    hole: () => b.events.hole('a'),
    givesUp: () => a.events.gaveUp('b'),
    audit: (now: number, quietSince = 0) => {
      timeline.after(now - timeline.now, nothing);
      while (timeline.step(now));
      checker.audit(new Set(['a', 'b']), quietSince);
    },
  };
}

test('[D13] a message over a link is the next one, or the receiver knows of a hole', () => {
  const whole = link();
  whole.sends(1, 2, 3);
  whole.gets(1, 2);
  whole.gets(3);
  expect(found()).toEqual([]);
  whole.gets(3);
  expect(found()).toEqual(['14: b gets moved room:x 3 from a, and nothing is the next']);
  const torn = link();
  torn.sends(1, 2, 3);
  torn.gets(2);
  expect(found()).toEqual(['14: b gets moved room:x 2 from a, and moved room:x 1 is the next']);
  const told = link();
  told.sends(7, 1);
  told.givesUp();
  told.sends(7, 2);
  told.hole();
  told.gets(7);
  // The first 7 was given up: it is the second that has come.
  told.gets(2);
  expect(found()).toEqual([]);
  told.sends(3, 4);
  told.gets(4);
  expect(found()).toEqual(['14: b gets moved room:x 4 from a, and moved room:x 3 is the next']);
});

test('[D13] a message comes soon after a disturbance, unless its sender gives it up or forgets the receiver', () => {
  const late = link();
  late.sends(1);
  late.audit(4_000);
  late.audit(10_000, 6_000);
  expect(found()).toEqual([]);
  late.audit(10_001, 6_000);
  expect(found()).toEqual(['14: b does not get moved room:x 1 from a']);
  late.givesUp();
  late.audit(20_000);
  // What the receiver has when it goes on is not known.
  const still = link(true);
  still.sends(1, 2);
  still.givesUp();
  still.hole();
  still.gets(2);
  still.audit(20_000);
  const forgotten = link();
  forgotten.knows('b');
  forgotten.sends(1);
  forgotten.knows();
  forgotten.audit(20_000);
  forgotten.gets(2);
  expect(found()).toEqual([]);
});
