import { describe, expect, test } from 'vitest';
import { Effects } from '../../src/actors/kit/effects.ts';
import type { Effect } from '../../src/runtime/ports/actor.ts';
import { frameBatch } from '../../src/actors/kit/frames.ts';
import { CatchUp } from '../../src/actors/relay/catch-up.ts';
import { Fanout } from '../../src/actors/relay/fanout.ts';
import { Notices } from '../../src/actors/relay/notices.ts';
import { subscriberOf } from '../../src/actors/relay/subscriber.ts';
import { Subscribers } from '../../src/actors/relay/subscribers.ts';
import type { ConnectionAddress } from '../../src/actors/messages/connection.ts';

/** A channel with so many live subscribers, the connections 1, 2, 3… */
function channel(size: number): { fanout: Fanout; catchUp: CatchUp; notices: Notices } {
  const subscribers = new Subscribers();
  const fanout = new Fanout();
  const limits = { deadlineMs: 1_000, page: { limit: 100, bytesMax: 1e6 } };
  const stream = { isProving: false, note: () => {}, prove: () => {} };
  const catchUp = new CatchUp('room:r', limits, { fanout, subscribers, stream });
  for (let connection = 1; connection <= size; connection++) {
    const address = `conn:n1.x.${connection}` as ConnectionAddress;
    const who = {
      connection,
      address,
      user: 'u',
      isAdmin: false,
      state: 'alive',
      position: undefined,
    } as const;
    subscribers.add(subscriberOf(who, connection, undefined));
    fanout.add(connection);
  }
  return { fanout, catchUp, notices: new Notices({ subscribers, fanout, catchUp }) };
}

/** Effects whose lists throw when they change. */
class Frozen extends Effects {
  override add(effect: Effect): void {
    if (effect.type === 'fanout') Object.freeze(effect.connections);
    super.add(effect);
  }
}

const message = (seq: number) => frameBatch([`m${seq}`], seq, seq);

describe('[D9] a pass that takes more than one step', () => {
  test('has not come to one that refuses a notice meanwhile: it catches up from before the pass', () => {
    const { fanout, catchUp, notices } = channel(600);
    fanout.push(message(1));
    expect(fanout.advance(new Effects(), () => {})).toBe(true);
    notices.refused([500, 501], 0);
    expect([catchUp.nextFor(500), catchUp.nextFor(501)]).toEqual([2, 1]);
    expect(fanout.advance(new Effects(), () => {})).toBe(false);
    notices.refused([502], 0);
    expect(catchUp.nextFor(502)).toBe(2);
  });
});

test('the list of an effect is its own: who comes and goes later does not change it', () => {
  const { fanout, catchUp } = channel(600);
  const out = new Frozen();
  const advance = (): void => {
    while (fanout.advance(out, (batch) => catchUp.sealed(batch))) fanout.remove(out.effects.length + 9);
    catchUp.advanceAll(out);
  };
  fanout.push(message(1));
  advance();
  for (const connection of [1, 600, 3]) fanout.remove(connection);
  fanout.add(1);
  fanout.push(frameBatch(['notice'], 0, 0));
  fanout.pushTo([1, 2, 4], frameBatch(['notice'], 0, 0));
  advance();
  for (let tick = 0; tick < 3; tick++) {
    fanout.fired('crowd', out);
    fanout.remove(20 + tick);
    advance();
  }
  catchUp.start(3, 1, out);
  fanout.push(message(2));
  catchUp.start(600, 1, out);
  advance();
  catchUp.remove(3);
  expect(fanout.size).toBeGreaterThan(500);
  const firsts = out.effects.flatMap((effect) => (effect.type === 'fanout' ? [effect.batch.first] : []));
  expect(new Set(firsts)).toEqual(new Set([0, 1, 2]));
});
