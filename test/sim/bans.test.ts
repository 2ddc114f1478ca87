import { expect, test } from 'vitest';
import type { SetBan } from '../../src/actors/messages/home.ts';
import { Bans } from '../../src/sim/checkers/bans.ts';
import { EPOCH_MS, Timeline } from '../../src/sim/kit/timeline.ts';

// The checker must not rely on a ban longer than the back end may.

const CHANNEL = 'room:r';

const ban = (endsAt: number | null): SetBan => ({
  type: 'ban',
  user: 'ann',
  until: endsAt === null ? null : EPOCH_MS + endsAt,
});

/** The bans of a room after one until 1,000 is done at 0, and the time. */
function banned(): { readonly bans: Bans; readonly timeline: Timeline } {
  const timeline = new Timeline();
  const bans = new Bans(timeline);
  const change = ban(1_000);
  bans.asked(CHANNEL, change);
  bans.answered(CHANNEL, change, 'done');
  return { bans, timeline };
}

test('[JW7] a ban holds from its answer to its end', () => {
  const { bans, timeline } = banned();
  timeline.now = 999;
  expect(bans.since(CHANNEL, 'ann')).toBe(0);
  timeline.now = 1_000;
  expect(bans.since(CHANNEL, 'ann')).toBe(Infinity);
});

test.each([
  ['later', 2_000, 1_000],
  ['earlier', 500, 500],
  ['without an end', null, 1_000],
])('[JW7] beside one that may have replaced it and ends %s, it holds until %j', (_, endsAt, until) => {
  const { bans, timeline } = banned();
  const other = ban(endsAt);
  bans.asked(CHANNEL, other);
  bans.answered(CHANNEL, other, 'unknown');
  timeline.now = until - 1;
  expect(bans.since(CHANNEL, 'ann')).toBe(0);
  timeline.now = until;
  expect(bans.since(CHANNEL, 'ann')).toBe(Infinity);
});

test('[JW7] one that has replaced it holds until its own end', () => {
  const { bans, timeline } = banned();
  const other = ban(2_000);
  bans.asked(CHANNEL, other);
  bans.answered(CHANNEL, other, 'done');
  timeline.now = 1_999;
  expect(bans.since(CHANNEL, 'ann')).toBe(0);
  timeline.now = 2_000;
  expect(bans.since(CHANNEL, 'ann')).toBe(Infinity);
});
