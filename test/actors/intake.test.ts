import { expect, test } from 'vitest';
import { Access } from '../../src/actors/home/access.ts';
import { Intake } from '../../src/actors/home/intake.ts';
import type { AskedOfMessages } from '../../src/actors/home/vetting.ts';
import { Ledger } from '../../src/actors/home/ledger.ts';
import { LEDGER_LIMITS } from '../../src/actors/home/ledger-limits.ts';
import type { LogReply, Refusal } from '../../src/actors/messages.ts';
import { Outbox } from '../../src/actors/outbox.ts';
import type { ReplyTo, Turn } from '../../src/runtime/ports/actor.ts';

const turn = { now: 0, deadline: 10_000, random: () => 0.5 } as unknown as Turn;
const options = { room: 'r', autoCreate: true, deadlineMs: 1_000, retryAfterMs: 1_000 };
const PRIVATE = { access: 'private', metadata: '{}', creator: 'ann', isDeleted: false } as const;
const origin = {
  address: undefined,
  key: { user: 'bob', session: undefined, issuedAt: undefined, openedAt: undefined },
};
const BOB = { user: 'bob', isAdmin: false, origin };
const DENIED: Refusal = { error: 'forbidden', message: 'not any more' };

/** A private room's way into the ledger, whose log and application answer when the test says so. */
class Room {
  readonly out = new Outbox();
  readonly access = new Access(options);
  readonly intake: Intake;
  #asked = 0;

  constructor(vetted: AskedOfMessages | undefined) {
    this.access.changed(PRIVATE);
    const ledger = new Ledger('room:r', LEDGER_LIMITS, turn, () => true);
    ledger.start(turn, this.out);
    this.intake = new Intake({ room: 'r', access: this.access, ledger, limits: LEDGER_LIMITS, vetted });
    ledger.answered(this.#next('claim'), { ok: true, body: { ok: true, value: null } }, turn, this.out);
  }

  send(id: string, number: number): void {
    const entry = { id, sender: 'bob', content: 'x', data: null, sentAt: null };
    const asker = { replyTo: number as unknown as ReplyTo, deadline: 10_000 };
    this.intake.take({ entry, by: BOB, asker }, turn, this.out);
  }

  /** The context of the next question of a kind that is not answered yet. */
  #next(kind: string): never {
    const asks = this.out.effects.filter(({ type }) => type === 'ask');
    const at = asks.findIndex((ask, n) => n >= this.#asked && contextOf(ask).for === kind);
    expect(at, `nobody asks about ${kind}`).toBeGreaterThanOrEqual(0);
    this.#asked = at + 1;
    return contextOf(asks[at]) as never;
  }

  isAsked(kind: string): boolean {
    const asks = this.out.effects.filter(({ type }) => type === 'ask');
    return asks.some((ask) => contextOf(ask).for === kind);
  }

  membership(reply: LogReply<boolean>): void {
    this.access.known(this.#next('membership'), { ok: true, body: reply }, turn, this.out);
  }

  vetted(body: object): void {
    this.intake.answered(this.#next('vetted'), { ok: true, body }, turn, this.out);
  }

  stands(): void {
    const body = [{ standing: 'good', rights: undefined, isDoubted: false }];
    this.intake.answered(this.#next('standing'), { ok: true, body }, turn, this.out);
  }

  get replies(): unknown[] {
    return this.out.effects.flatMap((effect) => (effect.type === 'reply' ? [[effect.to, effect.body]] : []));
  }
}

function contextOf(ask: unknown): { readonly for: string } {
  return (ask as { readonly context: { readonly for: string } }).context;
}

test('[LC4] a right that cannot be read: unavailable, and the log is not asked about it', () => {
  const room = new Room(undefined);
  room.send('a', 1);
  room.membership({ ok: false, failure: 'failed' });
  expect(room.replies).toEqual([
    [1, { error: 'unavailable', message: expect.any(String), retryAfterMs: 1_000 }],
  ]);
  expect(room.isAsked('repeats')).toBe(false);
});

test('[DG4] a repeat that the application refuses waits for the first one, whose right is being read anew', () => {
  const room = new Room({ first: 'beforeMessage', second: undefined, hookMs: 1_000 });
  room.send('a', 1);
  room.send('a', 2);
  room.membership({ ok: true, value: true });
  // What was known of members may not be true any more.
  room.access.changed(PRIVATE);
  room.vetted({ content: 'x', data: null });
  room.vetted(DENIED);
  room.stands();
  expect(room.isAsked('repeats')).toBe(false);
  room.membership({ ok: true, value: true });
  // Both are one message now, on its way into the log.
  expect(room.isAsked('repeats')).toBe(false);
  expect(room.replies).toEqual([]);
});
