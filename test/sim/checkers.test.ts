import { expect, test } from 'vitest';
import { CONNECTION_LIMITS } from '../../src/actors/connection/context.ts';
import { WIRE_LIMITS } from '../../src/protocol/limits.ts';
import { Chats } from '../../src/sim/chats.ts';
import { LogChecker } from '../../src/sim/log-checker.ts';
import { OutgoingChecks } from '../../src/sim/outgoing-checks.ts';
import { Timeline } from '../../src/sim/timeline.ts';
import { WireChecker, type Frame } from '../../src/sim/wire-checker.ts';

// A checker must not ask for more than the protocol promises, nor for less.

const said: string[] = [];
const violate = (invariant: number, text: string): void => void said.push(`${invariant}: ${text}`);
const found = (): string[] => said.splice(0);

function wire(): WireChecker {
  const timeline = new Timeline();
  const log = new LogChecker(timeline, violate);
  const chats = new Chats('c1', 'u1', log, violate);
  const owner = { name: 'c1', user: 'u1', chats, positions: new Map<string, number>() };
  const checker = new WireChecker(1, owner, { timeline, log, violate, replayMax: 1_000 });
  checker.received({ type: 'notification', action: 'welcome', data: {} }, 0);
  return checker;
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

test('[LM7] what was asked before a connection was slow may wait for it, and no more', () => {
  const outboundMaxBytes = 4_096;
  const { inFlightMax } = CONNECTION_LIMITS;
  const checks = new OutgoingChecks(violate, { outboundMaxBytes, inFlightMax });
  const replies = 4 * WIRE_LIMITS.historyBytesMax;
  checks.buffered(1, outboundMaxBytes + replies);
  expect(found()).toEqual([]);
  checks.buffered(1, outboundMaxBytes + replies + 128 * 1024);
  expect(found()).toHaveLength(1);
});
