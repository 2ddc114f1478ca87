import { describe, expect, test } from 'vitest';
import { leaseBehaviour } from '../../src/actors/node/lease.ts';
import { LEASE_LIMITS } from '../../src/actors/node/lease-limits.ts';
import { Peers } from '../../src/actors/node/peers.ts';
import { LOG } from '../../src/actors/messages/log.ts';
import { LEASE } from '../../src/actors/messages/node.ts';
import type { StoreCallName, StoreCalls } from '../../src/runtime/ports/log-store.ts';
import { Program, type HeldCall } from '../support/program.ts';

describe('[D11] peers, judged by their beats and by one’s own time', () => {
  const lease = (incarnation: string, beats: number, isDead = false) => ({
    incarnation,
    node: incarnation.slice(0, 1),
    beats,
    isDead,
    takesHomes: false,
    isHeard: true,
  });
  const names = (peers: Peers): string[] => peers.alive.map(({ incarnation }) => incarnation);

  test('a new peer is alive as long as its beats change', () => {
    const peers = new Peers(LEASE_LIMITS);
    expect(peers.look({ leases: [lease('b.1', 4), lease('a.1', 9)], sentAt: 0, now: 10 })).toBe(true);
    expect(peers.alive).toEqual([
      { incarnation: 'a.1', node: 'a' },
      { incarnation: 'b.1', node: 'b' },
    ]);
    for (let n = 1; n < 20; n++)
      expect(
        peers.look({
          leases: [lease('a.1', 9 + n), lease('b.1', 4 + n)],
          sentAt: n * 700,
          now: n * 700 + 10,
        }),
      ).toBe(false);
  });

  test('a peer whose beats stand still for 3 s is dead: from the answer of the first look to the question of the last', () => {
    const peers = new Peers(LEASE_LIMITS);
    const looks: [sentAt: number, now: number][] = [
      [0, 500],
      [700, 1_200],
      [1_400, 1_900],
      [2_100, 2_600],
      [2_800, 3_300],
      [3_499, 4_000],
    ];
    for (const [sentAt, now] of looks) peers.look({ leases: [lease('a.1', 9)], sentAt, now });
    expect(names(peers)).toEqual(['a.1']);
    expect(peers.look({ leases: [lease('a.1', 9)], sentAt: 3_500, now: 4_200 })).toBe(true);
    expect(names(peers)).toEqual([]);
    // He beats again: as long as nothing hangs on it, he was only slow.
    expect(peers.look({ leases: [lease('a.1', 10)], sentAt: 4_300, now: 4_400 })).toBe(true);
    expect(names(peers)).toEqual(['a.1']);
  });

  test('[LC5] it is suspect after 1.5 s without a beat, alive when it beats, and dead when the database says so', () => {
    const peers = new Peers(LEASE_LIMITS);
    const seen: string[] = [];
    let at = 0;
    const look = (beats: number, isDead = false): void => {
      peers.look({ leases: [lease('a.1', beats, isDead)], sentAt: at, now: at });
      seen.push(...peers.news.map(({ phase }) => `${at} ${phase}`));
      at += 700;
    };
    for (const beats of [1, 2, 3, 3, 3, 3, 4, 4, 4, 4, 4, 4]) look(beats);
    expect(names(peers)).toEqual([]);
    look(4, true);
    // The database was restored to before its death.
    look(5);
    expect(names(peers)).toEqual(['a.1']);
    expect(seen).toEqual(['3500 suspect', '4200 alive', '6300 suspect', '8400 dead']);
  });

  test('over a look that is missing nothing is concluded', () => {
    const peers = new Peers(LEASE_LIMITS);
    for (const now of [0, 1_000, 2_000, 3_501, 4_500, 5_500])
      peers.look({ leases: [lease('a.1', 9)], sentAt: now, now });
    expect(names(peers)).toEqual(['a.1']);
    peers.look({ leases: [lease('a.1', 9)], sentAt: 6_501, now: 6_501 });
    expect(names(peers)).toEqual([]);
  });

  test('a peer whose row is gone or says that it is dead is dead at once', () => {
    const peers = new Peers(LEASE_LIMITS);
    peers.look({ leases: [lease('a.1', 1), lease('b.1', 1)], sentAt: 0, now: 0 });
    expect(peers.look({ leases: [lease('b.1', 1, true)], sentAt: 700, now: 700 })).toBe(true);
    expect(names(peers)).toEqual([]);
  });

  test('a dead one’s row may go after 15 s, with the beats that were seen', () => {
    const peers = new Peers(LEASE_LIMITS);
    for (let now = 0; now < 15_000; now += 1_000) {
      peers.look({ leases: [lease('a.1', 9)], sentAt: now, now });
      expect(peers.forgotten(now)).toEqual([]);
    }
    peers.look({ leases: [lease('a.1', 9)], sentAt: 15_000, now: 15_000 });
    expect(peers.forgotten(15_000)).toEqual([{ incarnation: 'a.1', beats: 9 }]);
  });
});

describe('[D11] a process’s lease', () => {
  const get = <Name extends StoreCallName>(
    program: Program,
    name: Name,
    request: StoreCalls[Name]['request'],
  ): StoreCalls[Name]['reply'] => {
    let value: unknown;
    program.world.store.call(name, request, 0, (reply) => (value = reply.ok ? reply.value : undefined));
    return value as StoreCalls[Name]['reply'];
  };
  /** The lease as another process sees it. */
  const beats = (program: Program): number | undefined =>
    get(program, 'renew', { incarnation: 'watch.1', node: 'watch', mode: 'renew' }).leases.find(
      ({ incarnation }) => incarnation === 'n1.x',
    )?.beats;
  const renewals = (calls: readonly HeldCall[]): string[] =>
    calls.filter(({ name }) => name === 'renew').map(({ request }) => request.mode as string);
  const state = (program: Program): string | undefined => {
    const cell = program.system.cell(LEASE);
    return cell?.state === undefined ? undefined : cell.behaviour.chartStates?.(cell.state)[0]?.state.name;
  };
  const start = (program: Program): void => {
    program.system.tell(LEASE, { type: 'start' });
    program.settle();
  };

  test('is taken at once, and renewed every 0.7 s from start to start', () => {
    const program = new Program();
    start(program);
    expect(state(program)).toBe('alive');
    expect(beats(program)).toBe(0);
    program.advance(7_200);
    expect(beats(program)).toBe(10);
    expect(program.world.counts.get('lease_confirmed')).toBe(11);
  });

  test('goes on saying that its node is deaf after its actor has crashed', () => {
    const program = new Program();
    start(program);
    const watch = { incarnation: 'watch.1', node: 'watch', mode: 'renew' } as const;
    const says = (): boolean | undefined =>
      get(program, 'renew', watch).leases.find(({ incarnation }) => incarnation === 'n1.x')?.isHeard;
    program.system.tell(LEASE, { type: 'heard', isHeard: false });
    program.advance(1_000);
    expect(says()).toBe(false);
    program.crashOver = 'sayPeers';
    program.system.tell(LEASE, { type: 'sayPeers' });
    program.advance(3_000);
    expect(program.world.counts.get('actor_crashes')).toBe(1);
    expect(says()).toBe(false);
  });

  test('costs two statements a second at most, with a peer that lives and one that has died', () => {
    const program = new Program();
    let calls = 0;
    program.hook = () => {
      calls++;
      return false;
    };
    get(program, 'renew', { incarnation: 'dead.1', node: 'dead', mode: 'take' });
    start(program);
    for (let second = 0; second < 60; second++) {
      program.advance(1_000);
      get(program, 'renew', { incarnation: 'peer.1', node: 'peer', mode: 'take' });
    }
    expect(calls).toBeGreaterThan(80);
    expect(calls).toBeLessThanOrEqual(120);
  });

  test('is in doubt 2.95 s after the last renewal that was confirmed had been sent, until the next one', () => {
    const program = new Program();
    start(program);
    program.advance(700);
    program.hook = (call) => call.name === 'renew' && (call.fail(), true);
    program.advance(2_900);
    expect(state(program)).toBe('alive');
    program.advance(100);
    expect(state(program)).toBe('suspect');
    program.hook = undefined;
    program.advance(700);
    expect(state(program)).toBe('alive');
  });

  test('that others have removed is taken anew', () => {
    const program = new Program();
    const calls: HeldCall[] = [];
    program.hook = (call) => (calls.push(call), false);
    start(program);
    program.advance(700);
    get(program, 'endLeases', { leases: [{ incarnation: 'n1.x', beats: null }] });
    program.advance(1_400);
    expect(renewals(calls)).toEqual(['take', 'renew', 'renew', 'take']);
    expect(program.world.logged.map(({ event }) => event)).toContain('lease lost');
    expect(beats(program)).toBe(0);
  });

  test('is renewed while the breaker of the log is open', () => {
    const program = new Program();
    start(program);
    program.hook = (call) => call.name !== 'renew' && (call.fail(), true);
    const page = { type: 'page', channel: 'room:a', limit: 1, bytesMax: 1, reader: null };
    for (let after = 0; after < 40; after++) program.tell(LOG, { ...page, start: { after } });
    program.advance(7_000);
    expect(program.world.counts.get('breaker_opened')).toBe(1);
    expect(state(program)).toBe('alive');
    expect(program.world.counts.get('lease_confirmed')).toBe(11);
  });

  test('rows of processes that have died are removed by those that live', () => {
    const program = new Program();
    get(program, 'renew', { incarnation: 'dead.1', node: 'dead', mode: 'take' });
    start(program);
    const others = (): number =>
      get(program, 'renew', { incarnation: 'n1.x', node: 'n1', mode: 'renew' }).leases.length;
    program.advance(14_000);
    expect(others()).toBe(1);
    program.advance(3_000);
    expect(others()).toBe(0);
  });

  test('is released when the process ends, and not renewed any more', () => {
    const program = new Program();
    start(program);
    let isOver = false;
    program.system.ask(LEASE, { type: 'release' }, { deadlineMs: 1_000 }, () => (isOver = true));
    program.settle();
    expect([isOver, beats(program), state(program)]).toEqual([true, undefined, 'dead']);
    program.advance(5_000);
    expect(beats(program)).toBe(undefined);
    let again = false;
    program.system.ask(LEASE, { type: 'release' }, { deadlineMs: 1_000 }, () => (again = true));
    program.settle();
    expect(again).toBe(true);
  });

  test('[D21] says when the database is on another timeline', () => {
    const program = new Program();
    let timeline: string | null = '00000001';
    program.hook = (call) => {
      if (call.name !== 'renew') return false;
      call.commit();
      call.replace((value: StoreCalls['renew']['reply']) => ({ ...value, timeline }));
      call.answer();
      return true;
    };
    start(program);
    const told = (): string[] =>
      program.world.logged.map(({ event }) => event).filter((event) => event.includes('timeline'));
    // One that cannot say is no other one.
    for (const next of ['00000001', null, '00000001']) {
      timeline = next;
      program.advance(1_400);
    }
    expect(told()).toEqual([]);
    timeline = '00000002';
    program.advance(1_400);
    expect(told()).toEqual(['database on another timeline']);
  });

  test.each([
    ['fail', 1, ['reset 1']],
    ['succeed at once', 0, []],
  ])('[D21] the database fails over while the first renewals %s', (_, failures, expected) => {
    const program = new Program();
    let left = failures;
    program.hook = (call) => {
      if (call.name !== 'renew') return false;
      if (left-- > 0) call.fail();
      else {
        call.replace((value: StoreCalls['renew']['reply']) => ({ ...value, timeline: '00000002' }));
        call.answer();
      }
      return true;
    };
    start(program);
    const number = program.connect('ann');
    program.frame(number, { type: 'join', id: 'j', room: 'r' });
    program.chat('r', 'm1');
    program.settle();
    const safe = program.world.store.snapshot();
    program.chat('r', 'm2');
    program.settle();
    program.world.store.restore(safe);
    // The renewal that is next shows a timeline that the node cannot compare with another one.
    program.advance(1_400);
    const resets = program.frames(number).filter(({ action }) => action === 'reset');
    expect(resets.map(({ data }) => `reset ${data.seq}`)).toEqual(expected);
    expect(program.world.logged.map(({ event }) => event)).not.toContain('database on another timeline');
  });

  test('a life that is too short for its renewals is a mistake', () => {
    const limits = { ...LEASE_LIMITS, lifeMs: 2_600 };
    expect(() => leaseBehaviour({ node: 'n', incarnation: 'n.1', limits })).toThrow('too short');
  });
});
