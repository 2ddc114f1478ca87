import { expect, test } from 'vitest';
import { CONNECTION_LIMITS } from '../../src/actors/connection/context.ts';
import { WIRE_LIMITS } from '../../src/protocol/limits.ts';
import { SentMessages } from '../../src/sim/checkers/sent-messages.ts';
import type { Seen } from '../../src/sim/checkers/expectations.ts';
import { LogChecker } from '../../src/sim/checkers/log-checker.ts';
import { OutgoingChecks } from '../../src/sim/checkers/outgoing-checks.ts';
import { EndedSessions } from '../../src/sim/checkers/ended-sessions.ts';
import { SlowTimes } from '../../src/sim/checkers/slow-times.ts';
import { EPOCH_MS, Timeline } from '../../src/sim/kit/timeline.ts';
import { WireChecker } from '../../src/sim/checkers/wire-checker.ts';
import type { Frame } from '../../src/sim/checkers/wire-owner.ts';

// A checker must not ask for more than the protocol promises, nor for less.

const said: string[] = [];
const violate = (invariant: number, text: string): void => void said.push(`${invariant}: ${text}`);
const found = (): string[] => said.splice(0);

function wire(): WireChecker & { readonly log: LogChecker } {
  const timeline = new Timeline();
  const log = new LogChecker(timeline, violate);
  const messages = new SentMessages('c1', 'u1', log, violate);
  const owner = { name: 'c1', user: 'u1', messages, positions: new Map<string, Seen>() };
  const checker = new WireChecker(1, owner, { timeline, log, violate, replayMax: 1_000 });
  checker.received({ type: 'notification', action: 'welcome', data: {} }, 0);
  return Object.assign(checker, { log });
}

const event: Frame = { type: 'notification', action: 'user_event', seq: 1, id: 'm1', data: {} };

test('[HS5] nothing may be shown before the first request, and any may be the first, with an id or without', () => {
  const silent = wire();
  silent.received(event, 10);
  expect(found()).toContain('4: c1 is shown user before it has asked for anything (HS5)');
  const answering = wire();
  answering.sent({ type: 'heartbeat', status: 'pong' });
  answering.received(event, 10);
  expect(found()).toContain('4: c1 is shown user before it has asked for anything (HS5)');
  const asking = wire();
  asking.sent({ type: 'heartbeat', status: 'ping' });
  asking.received(event, 10);
  expect(found().filter((text) => text.includes('HS5'))).toEqual([]);
});

test('[RQ1] [RQ2] a client that has seen something else there must get a reset, and any other need not', () => {
  const checker = wire();
  checker.sent({ type: 'heartbeat', status: 'ping' });
  const { log } = checker;
  const channel = 'user:u1';
  log.claimed(
    { owner: 'n.1', claims: [{ channel, mode: 'create', epoch: 0 }] },
    new Map([[channel, { epoch: 1, head: 0 }]]),
    new Map([[channel, undefined]]),
  );
  const entry = { id: 'm1', sender: 'svc:x', content: '', data: '{}', sentAt: null };
  const append = { channel, epoch: 1, createsRoom: false, entry } as const;
  log.appended('n.1', [append], [{ type: 'stored', seq: 1, at: 0 }]);
  const resume = (user: unknown, reply: Frame, more: Frame = {}): string[] => {
    checker.sent({ type: 'resume', id: 'r', channels: { user }, ...more });
    checker.received({ type: 'ack', id: 'r', channels: { user: reply } }, 10);
    return found();
  };
  const unsaid = [expect.stringContaining('of another user, and is not told of it')];
  expect(resume({ seq: 1, id: 'm1' }, { seq: 1 })).toEqual([]);
  expect(resume({ seq: 1, id: 'other' }, { seq: 1 })).toEqual(unsaid);
  expect(resume({ seq: 1, id: 'other' }, { seq: 1, reset: true })).toEqual([]);
  expect(resume(1, { seq: 1 }, { log: 'another' })).toEqual(unsaid);
  expect(resume(1, { seq: 1, reset: true }, { log: 'another' })).toEqual([]);
  expect(resume({ seq: 1, id: 'm1' }, { seq: 1, reset: true })).toHaveLength(1);
});

test('[D21] [PU2] a client with messages that a failover has lost must get a reset before the messages that are there instead', () => {
  const channel = 'user:u1';
  const lost = () => {
    const checker = wire();
    const { log, expected } = checker;
    const claims = [{ channel, mode: 'create', epoch: 0 }] as const;
    log.claimed({ owner: 'n.1', claims }, new Map([[channel, { epoch: 1, head: 0 }]]), new Map());
    const store = (seq: number, id: string): void => {
      const entry = { id, sender: 'svc:x', content: '', data: '{}', sentAt: null };
      const append = { channel, epoch: 1, createsRoom: false, entry } as const;
      log.appended('n.1', [append], [{ type: 'stored', seq, at: 0 }]);
    };
    const show = (seq: number, id: string): void => checker.received({ ...event, seq, id }, 10);
    const reset = (seq: number): void =>
      checker.received({ type: 'notification', action: 'reset', data: { channel: 'user', seq } }, 10);
    checker.sent({ type: 'heartbeat', status: 'ping' });
    store(1, 'm1');
    const standby = log.copy();
    store(2, 'm2');
    show(1, 'm1');
    show(2, 'm2');
    log.failOver(standby);
    expect(found()).toEqual([]);
    store(2, 'n2');
    store(3, 'n3');
    const resume = (since: number, gap?: Frame): void => {
      checker.sent({ type: 'resume', id: 'r', channels: { user: since } });
      const user = { seq: 3, already: true, ...(gap ? { gap } : {}) };
      checker.received({ type: 'ack', id: 'r', channels: { user } }, 10);
    };
    return { show, reset, resume, behind: () => expected.behind() };
  };
  const silent = lost();
  expect(silent.behind()).toEqual(['user 2 m2, which is gone (PU2)']);
  silent.show(3, 'n3');
  expect(found()).toEqual([expect.stringContaining('is shown user 3 n3 after 2 m2, which is gone')]);
  const wrong = lost();
  wrong.reset(2);
  expect(found()).toEqual([expect.stringContaining('is what it was up to 2, and it is not')]);
  const right = lost();
  right.reset(1);
  right.show(2, 'n2');
  right.show(3, 'n3');
  expect([found(), right.behind()]).toEqual([[], []]);
  // It was live from the first message on, and still has what it was shown before the reset.
  right.resume(0);
  expect(found()).toEqual([]);
  right.resume(0, { from: 1, to: 1 });
  expect(found()).toEqual([expect.stringContaining('live after 0, gets a gap of 1..1')]);
});

test('[LM7] replies to requests from before a connection was slow may wait for it, and nothing more', () => {
  const outboundMaxBytes = 4_096;
  const { inFlightMax } = CONNECTION_LIMITS;
  const checks = new OutgoingChecks(violate, { outboundMaxBytes, inFlightMax });
  const replies = 4 * WIRE_LIMITS.historyBytesMax;
  checks.buffered(1, outboundMaxBytes + replies);
  expect(found()).toEqual([]);
  checks.buffered(1, outboundMaxBytes + replies + 128 * 1024);
  expect(found()).toHaveLength(1);
});

test.each([
  [true, 0],
  [false, 1],
])(
  '[JW5] an end of a session that was taken back before its answer: in a cluster (%j) others need not hear',
  (isClustered, times) => {
    const timeline = new Timeline();
    const sessions = new EndedSessions(timeline, new SlowTimes(timeline, isClustered), violate);
    timeline.step(1_000);
    sessions.ended({ user: 'ann', session: null, before: null, at: EPOCH_MS + 1_000 }, false);
    sessions.sent({ name: 'c1', user: 'ann' }, 500, 9_000);
    expect(found()).toHaveLength(times);
  },
);
