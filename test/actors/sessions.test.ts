import { describe, expect, test } from 'vitest';
import { CONNECTION_LIMITS } from '../../src/actors/connection/context.ts';
import { Program } from '../support/program.ts';

// The watch over sessions, on time that is moved by hand. A connection of these tests does not know when it was opened.

const INTERVAL_MS = CONNECTION_LIMITS.heartbeatIntervalMs;

/** The code a connection was closed with; undefined while it is open. */
function closed(program: Program, connection: number): number | undefined {
  return program.world.sockets.closed.get(connection)?.code;
}

/** As another node does: this one is not told. */
function revokeElsewhere(program: Program, user: string): void {
  const request = { user, session: null, before: 5, keepMs: 1e9 };
  program.world.store.call('revoke', request, 0, () => {});
}

function connect(program: Program, user: string): number {
  const claims = { user, session: undefined, isAdmin: false, issuedAt: program.world.clock.wall() / 1_000 };
  const number = program.inbox.opened({ ...claims, expiresAt: program.world.clock.wall() + 1e8 });
  program.settle();
  return number;
}

describe('[JW5] when a connection was opened', () => {
  test('[JW5] is found out at the first look at all sessions, and counts from then on', () => {
    const program = new Program();
    const before = connect(program, 'ann');
    program.advance(1_000);
    revokeElsewhere(program, 'ann');
    program.advance(1_000);
    const after = connect(program, 'ann');
    program.advance(INTERVAL_MS);
    expect([closed(program, before), closed(program, after)]).toEqual([4502, undefined]);
    for (let rounds = 0; rounds < 3; rounds++) {
      program.inbox.heard(after);
      program.advance(INTERVAL_MS);
    }
    expect(closed(program, after)).toBeUndefined();
  });

  test('[JW5] is known yet when who watches has forgotten everything', () => {
    const program = new Program();
    const ann = connect(program, 'ann');
    program.advance(1_000);
    revokeElsewhere(program, 'ann');
    program.advance(1_000);
    program.tell('sessions', { type: 'boom' });
    program.advance(2 * INTERVAL_MS);
    expect(closed(program, ann)).toBe(4502);
  });

  test('[JW5] is no matter of its refresh', () => {
    const program = new Program();
    const ann = connect(program, 'ann');
    program.advance(INTERVAL_MS + 1_000);
    revokeElsewhere(program, 'ann');
    program.advance(1_000);
    program.frame(ann, { type: 'refresh', id: 'r', token: 'anything' });
    program.advance(INTERVAL_MS);
    expect(closed(program, ann)).toBe(4502);
  });
});

describe('[JW5] revocations that are over', () => {
  test('[JW5] are removed in the course of time, a bounded number at once', () => {
    const program = new Program();
    connect(program, 'ann');
    const pruned: number[] = [];
    program.hook = (call) => {
      if (call.name === 'pruneRevocations') pruned.push(program.world.clock.now());
      return false;
    };
    for (let n = 0; n < 1_500; n++) {
      const request = { user: `u${n}`, session: null, before: null, keepMs: 0 };
      program.world.store.call('revoke', request, 0, () => {});
    }
    program.advance(3 * INTERVAL_MS);
    // A thousand, then the rest with the next round.
    expect(pruned).toEqual([INTERVAL_MS, 2 * INTERVAL_MS]);
    program.world.store.call('pruneRevocations', { limit: 1_000 }, 0, (reply) =>
      expect(reply).toEqual({ ok: true, value: 0 }),
    );
    program.advance(1_200_000);
    expect(pruned.length).toBeLessThanOrEqual(5);
  });
});
