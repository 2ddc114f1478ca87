import { describe, expect, test } from 'vitest';
import { Gate } from '../../src/actors/connection/gate.ts';
import { Resume } from '../../src/actors/connection/resume.ts';
import { Pages } from '../../src/actors/log/pages.ts';
import { ChannelWriter } from '../../src/actors/home/channel-writer.ts';
import { WRITER_LIMITS } from '../../src/actors/home/writer-limits.ts';
import { Fanout } from '../../src/actors/relay/fanout.ts';
import { resetBatch } from '../../src/actors/kit/frames.ts';
import { Effects } from '../../src/actors/kit/effects.ts';
import type { Turn } from '../../src/runtime/ports/actor.ts';
import type { FrameBatch } from '../../src/runtime/ports/sockets.ts';
import { World } from '../support/world.ts';

// What is asserted where it would break: each assertion holds in a sound case and is counted in a broken one.

function violations(out: Effects): string[] {
  return out.effects.flatMap((effect) => (effect.type === 'count' ? [effect.counter] : []));
}

const entry = (seq: number) => ({
  seq,
  at: 0,
  id: `${seq}`,
  sender: 'u',
  content: '',
  data: null,
  sentAt: null,
});

test.each([
  [[1, 2, 3], []],
  [[7], []],
  [[1, 3], ['violated_entries_contiguous']],
  [[2, 1], ['violated_entries_contiguous']],
])('entries that a home publishes follow one another: %j', (seqs, found) => {
  const out = new Effects();
  out.publish('room:r', ['n1.x'], { type: 'published', entries: seqs.map(entry) });
  expect(violations(out)).toEqual(found);
});

test('a connection takes back no more work than it has begun', () => {
  const out = new Effects();
  const gate = new Gate(4);
  gate.begin(2, out);
  gate.end(2, out);
  expect(violations(out)).toEqual([]);
  gate.end(1, out);
  expect(violations(out)).toEqual(['violated_in_flight']);
});

test('a resume hears of no more channels than the connection asks for', () => {
  const out = new Effects();
  const resume = new Resume('r', 1_000);
  resume.asking(true);
  resume.answered(true, out);
  expect(violations(out)).toEqual([]);
  resume.answered(false, out);
  expect(violations(out)).toEqual(['violated_resume_open']);
});

test('the pages of users under way are as many as the log has begun', () => {
  const out = new Effects();
  const pages = new Pages({
    pagesInFlight: 2,
    userPagesInFlight: 1,
    waitingMax: 10,
    userPagesWaiting: 10,
    readBytesPerSecond: 0,
  });
  const request = { channel: 'room:r', start: 'newest', limit: 1, bytesMax: 1, reader: null } as const;
  pages.add({ ...request, by: 'ann' }, undefined, 0, out);
  const call = pages.next();
  const reply = { ok: false, failure: 'failed', message: '' } as const;
  call?.settle(reply, out);
  expect(violations(out)).toEqual([]);
  call?.settle(reply, out);
  expect(violations(out)).toEqual(['violated_calls_under_way']);
});

test('batches of the log ascend, but for a reset', () => {
  const batch = (first: number, last: number) =>
    ({ first, last, frames: ['f'], size: 1 }) as unknown as FrameBatch;
  const out = new Effects();
  const fanout = new Fanout();
  fanout.push(batch(1, 5));
  fanout.advance(out, () => {});
  fanout.reset(resetBatch('room:r', 3));
  fanout.advance(out, () => {});
  fanout.push(batch(4, 4));
  fanout.advance(out, () => {});
  expect(violations(out)).toEqual([]);
  fanout.push(batch(4, 4));
  fanout.advance(out, () => {});
  expect(violations(out)).toEqual(['violated_batches_ascend']);
});

describe('of a channel’s writer', () => {
  const turn = { now: 0, deadline: 10_000, random: () => 0.5 } as unknown as Turn;
  const begun = (out: Effects): ChannelWriter => {
    const writer = new ChannelWriter('room:r', WRITER_LIMITS, turn);
    writer.claim(turn, out);
    return writer;
  };

  test.each([
    [1, []],
    [0, ['violated_epoch_rises']],
  ])('a claim raises the epoch: %i', (epoch, found) => {
    const out = new Effects();
    const writer = begun(out);
    const claim = out.effects.find(({ type }) => type === 'ask') as unknown as { readonly context: never };
    const value = { epoch, head: 0 };
    writer.answered(claim.context, { ok: true, body: { ok: true, value } }, turn, out);
    expect(violations(out)).toEqual(found);
  });

  test('no state follows another one that its table does not name', () => {
    const out = new Effects();
    begun(out).prepared(turn, out);
    expect(violations(out)).toEqual([]);
    const unclaimed = new ChannelWriter('room:r', WRITER_LIMITS, turn);
    unclaimed.prepared(turn, out);
    expect(violations(out)).toEqual(['violated_writer_state']);
  });
});

test('in tests a violation is fatal', () => {
  const { telemetry } = new World().ports;
  expect(() => telemetry.count('violated_in_flight', 1)).toThrow('an assertion does not hold');
});
