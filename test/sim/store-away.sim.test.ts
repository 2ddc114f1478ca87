import { describe, expect, test } from 'vitest';
import { CANARY, type CanaryStatus } from '../../src/actors/node/canary.ts';
import type { LogStatus } from '../../src/actors/messages/log.ts';
import { judgeReadiness } from '../../src/engine/readiness.ts';
import { Scenario, type ScenarioClient } from '../support/scenario.ts';

// The table "What still works when the store is away" of docs/guarantees.md, row by row (D14). Each for many seeds.

const SEEDS = Array.from({ length: 20 }, (_, at) => at + 1);

/** A scenario with a client in a room that has one message, whose store then goes away. */
function away(seed: number): { scenario: Scenario; ann: ScenarioClient } {
  const scenario = new Scenario(seed);
  const ann = scenario.connect('ann');
  ann.request({ type: 'join', room: 'a' });
  expect(ann.request(chat('before'))).toMatchObject({ seq: 1 });
  scenario.fault = 'db-down';
  return { scenario, ann };
}

const chat = (content: string) => ({ type: 'chat', room: 'a', content });

const each = (run: (seed: number) => void): void => SEEDS.forEach(run);

/** Asks until the breaker has seen enough, one page after the other: of one user only so many may wait (LM14). */
function trip(scenario: Scenario, client: ScenarioClient): void {
  for (let n = 1; n <= 40; n++) client.request({ type: 'history', room: 'a', before: n });
  scenario.until(() => features(client)?.length === 2);
}

const features = (client: ScenarioClient): string[] | undefined =>
  client.notifications('degraded').at(-1)?.['data'].features;

describe('while the store is away', () => {
  test('[HS5] connecting works: the welcome has no channels, and degraded follows', () => {
    each((seed) => {
      const { scenario } = away(seed);
      const bob = scenario.connect('bob');
      expect(bob.notifications('welcome')[0]?.['data']).not.toHaveProperty('channels');
      expect(features(bob)).toEqual(['chat', 'history']);
    });
  });

  test('[ER1] chat is unavailable, with a time to try again; nothing of it is stored later', () => {
    each((seed) => {
      const { scenario, ann } = away(seed);
      expect(ann.request(chat('into the void'))).toMatchObject({
        code: 'unavailable',
        retryable: true,
        retryAfterMs: expect.any(Number),
      });
      scenario.fault = undefined;
      scenario.run(5_000);
      expect(scenario.log.head('room:a')).toBe(1);
    });
  });

  test('[DG4] a chat that was under way is settled when it comes back', () => {
    each((seed) => {
      const { scenario, ann } = away(seed);
      // It has arrived at the store, and its answer has not.
      scenario.fault = 'db-timeout-after';
      const id = ann.send(chat('under way'));
      scenario.run(40);
      scenario.fault = 'db-down';
      scenario.run(1_000);
      expect(ann.reply(id)).toBeUndefined();
      scenario.fault = undefined;
      scenario.until(() => ann.reply(id) !== undefined);
      expect(ann.reply(id)).toMatchObject({ type: 'ack', seq: 2 });
    });
  });

  test('[RQ1] [RQ2] join and resume are unavailable', () => {
    each((seed) => {
      const { ann } = away(seed);
      expect(ann.request({ type: 'join', room: 'b' })).toMatchObject({ code: 'unavailable' });
      expect(ann.request({ type: 'resume', channels: { 'room:c': 0 } })).toMatchObject({
        channels: { 'room:c': { error: 'unavailable' } },
      });
    });
  });

  test('[RQ6] [RQ11] history and rooms are unavailable', () => {
    each((seed) => {
      const { ann } = away(seed);
      expect(ann.request({ type: 'history', room: 'a' })).toMatchObject({ code: 'unavailable' });
      expect(ann.request({ type: 'rooms' })).toMatchObject({ code: 'unavailable' });
    });
  });

  test('[RQ5] [RQ7] signal and presence work in rooms joined before', () => {
    each((seed) => {
      const scenario = new Scenario(seed);
      const [ann, bob] = [scenario.connect('ann'), scenario.connect('bob')];
      for (const client of [ann, bob]) client.request({ type: 'join', room: 'a' });
      scenario.fault = 'db-down';
      trip(scenario, ann);
      expect(ann.request({ type: 'presence', room: 'a' })).toMatchObject({ total: 2 });
      expect(ann.request({ type: 'signal', room: 'a', data: { is: 'typing' } })).toMatchObject({
        type: 'ack',
      });
      scenario.until(() => bob.notifications('signal').length === 1);
    });
  });

  test('[DG1] messages that were acked before are there afterwards, and everything continues by itself', () => {
    each((seed) => {
      const { scenario, ann } = away(seed);
      trip(scenario, ann);
      scenario.run(60_000);
      scenario.fault = undefined;
      // A probe a second; the trial after it is let through at once.
      scenario.until(() => features(ann)?.length === 0);
      expect(ann.request({ type: 'history', room: 'a' })).toMatchObject({
        messages: [{ content: 'before' }],
      });
      expect(ann.request(chat('after'))).toMatchObject({ type: 'ack', seq: 2 });
    });
  });

  test('with the breaker open it is said at once, and the store is asked by a probe a second only', () => {
    each((seed) => {
      const { scenario, ann } = away(seed);
      trip(scenario, ann);
      const asked = scenario.timeline.now;
      expect(ann.request({ type: 'history', room: 'a' })).toMatchObject({ code: 'unavailable' });
      expect(scenario.timeline.now - asked).toBeLessThan(100);
      // That nothing but probes gets through is invariant 18, checked at every call.
      scenario.run(10_000);
    });
  });

  test('[RS5] a store that answers and can store nothing more is known for what it is', () => {
    each((seed) => {
      const scenario = new Scenario(seed);
      const { system } = scenario.node;
      let status: CanaryStatus | undefined;
      const probed = (): CanaryStatus | undefined => {
        system.ask(CANARY, { type: 'status' }, { deadlineMs: 1_000 }, (answer) => {
          if (answer.ok) status = answer.body;
        });
        scenario.run(1);
        return status;
      };
      const judge = (canary: CanaryStatus | undefined) =>
        judgeReadiness({
          isDraining: false,
          peers: undefined,
          log: { isStoreUp: true } as LogStatus,
          canary,
        });
      system.tell(CANARY, { type: 'start' });
      scenario.until(() => judge(probed()).isReady);
      scenario.fault = 'db-full';
      scenario.until(() => !judge(probed()).isReady);
      expect(judge(status)).toMatchObject({ because: 'store', broken: ['store'] });
      scenario.fault = undefined;
      scenario.until(() => judge(probed()).isReady && status?.hasLastFailed === false);
      scenario.run(30_000);
      expect(judge(probed())).toMatchObject({ isReady: true, broken: [] });
    });
  });
});
