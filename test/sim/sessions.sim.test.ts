import { describe, expect, test } from 'vitest';
import { SESSIONS } from '../../src/actors/messages/node.ts';
import { EPOCH_MS } from '../../src/sim/kit/timeline.ts';
import { Scenario, type ScenarioClient } from '../support/scenario.ts';

// Sessions that are ended while something else is under way, on virtual time.

const SEEDS = Array.from({ length: 40 }, (_, n) => n + 1);
const HOUR_S = 3_600;
/** When the first second of a scenario is, as an issuer says it. */
const EPOCH_S = EPOCH_MS / 1_000;

/** Ends all that a user has; `done` once that is known. */
function revoke(scenario: Scenario, before: number | null = null): { isDone: boolean } {
  const asked = { isDone: false };
  const message = { type: 'revoke', user: 'ann', session: null, before, isLasting: false } as const;
  scenario.node.system.ask(SESSIONS, message, { deadlineMs: 10_000, lane: 'user' }, (answer) => {
    asked.isDone = answer.ok && answer.body !== false;
  });
  return asked;
}

const isIn = (client: ScenarioClient): boolean => client.isWelcomed && client.closed === undefined;

describe('[JW5] a revocation beside a handshake', () => {
  /** A handshake that begins so long before or after the revocation. */
  function beside(seed: number, leadMs: number, issuedAt: number, before: number | null) {
    const scenario = new Scenario(seed);
    // Its channels are there, so that it is about the session alone.
    scenario.connect('bob');
    const asked = leadMs < 0 ? revoke(scenario, before) : undefined;
    if (leadMs < 0) scenario.run(-leadMs);
    const client = scenario.dial('ann', { issuedAt });
    if (leadMs > 0) scenario.run(leadMs);
    const wasIn = client.isWelcomed;
    const isRevoked = asked ?? revoke(scenario, before);
    scenario.until(() => isRevoked.isDone);
    const wasDialling = !client.isWelcomed && client.refused === undefined;
    scenario.run(1_000);
    return { client, wasIn, wasDialling };
  }

  test('[JW5] an old token is never in afterwards, however the two lie', () => {
    const seen = { closed: 0, refused: 0, openedAfter: 0 };
    for (const seed of SEEDS)
      for (const leadMs of [-4, -2, -1, -0.5, 0, 0.5, 1, 2, 4, 30]) {
        const { client, wasDialling } = beside(seed, leadMs, EPOCH_S - HOUR_S, null);
        expect(isIn(client), `seed ${seed}, ${leadMs} ms`).toBe(false);
        if (client.closed === 4502) seen.closed++;
        if (client.refused === 'the session was ended') seen.refused++;
        if (client.closed === 4502 && wasDialling) seen.openedAfter++;
      }
    expect(seen.closed + seen.refused).toBe(SEEDS.length * 10);
    // Its look-up came before, it was opened after: nothing but the watch over sessions could find it.
    expect(seen.openedAfter).toBeGreaterThan(10);
    expect(seen.refused).toBeGreaterThan(10);
  });

  test('[JW5] so is none that cannot be told apart', () => {
    for (const seed of SEEDS)
      for (const leadMs of [-4, -1, 0, 1, 2, 30]) {
        const { client } = beside(seed, leadMs, EPOCH_S, null);
        expect(isIn(client), `seed ${seed}, ${leadMs} ms`).toBe(false);
      }
  });

  test('[JW5] connections from before the cut close, whatever their iat; a sign-in after the cut stays', () => {
    let stayed = 0;
    for (const seed of SEEDS)
      for (const leadMs of [-30, -4, 0, 2, 30]) {
        const { client, wasIn } = beside(seed, leadMs, EPOCH_S + HOUR_S, EPOCH_S);
        if (wasIn) expect(client.closed, `seed ${seed}, ${leadMs} ms`).toBe(4502);
        if (leadMs === -30) expect(isIn(client)).toBe(true);
        if (isIn(client)) stayed++;
      }
    expect(stayed).toBeGreaterThanOrEqual(SEEDS.length);
  });
});

describe('[JW3] the look at all sessions', () => {
  const heartbeat = { heartbeatIntervalMs: 1_000, heartbeatTimeoutMs: 600_000 };

  test('[JW3] [JW5] finds sessions that another process has ended, also when the store was away at the handshake', () => {
    for (const seed of SEEDS.slice(0, 10)) {
      const scenario = new Scenario(seed, { connection: heartbeat });
      scenario.fault = 'db-down';
      const client = scenario.connect('ann', { issuedAt: EPOCH_S + HOUR_S });
      scenario.fault = undefined;
      // Another node's: this one hears nothing of it, and only when it was opened speaks against it.
      const request = { call: 'revoke', user: 'ann', session: null, before: 5, keepMs: 1e9 } as const;
      scenario.database.begin(request, 1, () => {});
      scenario.until(() => client.closed !== undefined);
      expect(client.closed, `seed ${seed}`).toBe(4502);
      const again = scenario.connect('ann', { issuedAt: EPOCH_S + HOUR_S });
      scenario.run(5_000);
      expect(isIn(again), `seed ${seed}`).toBe(true);
    }
  });

  test('[JW3] a wall clock that is set forward ends the tokens that are over by it', () => {
    const scenario = new Scenario(1, { connection: heartbeat });
    const [short, long] = [
      scenario.connect('ann', { expiresAt: EPOCH_MS + 3_600_000 }),
      scenario.connect('bob', { expiresAt: EPOCH_MS + 4 * 3_600_000 }),
    ];
    scenario.wallJumpMs = 2 * 3_600_000;
    scenario.run(1_500);
    expect(short.closed).toBe(4005);
    expect(isIn(long)).toBe(true);
  });
});
