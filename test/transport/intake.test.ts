import type { WebSocket } from 'ws';
import { expect, test } from 'vitest';
import { INBOUND_LIMITS } from '../../src/limits/inbound-budget.ts';
import { Intake } from '../../src/transport/ws/intake.ts';

/** A socket that is told when to be read. */
const socket = () => {
  const told: string[] = [];
  const ws = { pause: () => told.push('pause'), resume: () => told.push('resume') } as unknown as WebSocket;
  return { ws, told };
};

/** The header of a fragment of one byte, which is not the last. */
const FRAGMENT = Buffer.from([0x01, 0x81, 0, 0, 0, 0, 120]);

test('[LM11] the time in which we do not read is not the client’s', () => {
  const { ws } = socket();
  const intake = new Intake(1, ws, INBOUND_LIMITS);
  intake.take(FRAGMENT, 1_000);
  expect(intake.unfinishedMs(20_000)).toBe(19_000);
  intake.pauseFor('crowd');
  expect(intake.unfinishedMs(50_000)).toBe(0);
  intake.resume('crowd');
  expect(intake.unfinishedMs(60_000)).toBe(10_000);
});

test('[LM11] a socket is read again when no reason against it is left, and never after it was put out', () => {
  const { ws, told } = socket();
  const intake = new Intake(1, ws, INBOUND_LIMITS);
  expect([intake.pauseFor('crowd'), intake.pauseFor('crowd'), intake.pauseFor('bytes')]).toEqual([
    true,
    false,
    true,
  ]);
  intake.resume('crowd');
  expect(told).toEqual(['pause']);
  intake.resume('bytes');
  expect(told).toEqual(['pause', 'resume']);
  expect([intake.stop(), intake.stop()]).toEqual([true, false]);
  intake.pauseFor('crowd');
  intake.resume('crowd');
  expect(told).toEqual(['pause', 'resume', 'pause']);
});
