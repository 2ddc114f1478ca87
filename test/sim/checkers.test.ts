import { expect, test } from 'vitest';
import { Chats } from '../../src/sim/chats.ts';
import { LogChecker } from '../../src/sim/log-checker.ts';
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
