import { expect, test } from 'vitest';
import type { AskedOfMessages } from '../../src/actors/home/before-message-gate.ts';
import { check, proceed } from '../../src/actors/home/continue.ts';
import type { RoomState } from '../../src/actors/home/room-state.ts';
import type { LogReply } from '../../src/actors/messages/log.ts';
import type { Refusal } from '../../src/actors/messages/terms.ts';
import { Effects } from '../../src/actors/kit/effects.ts';
import type { ReplyTo, Turn } from '../../src/runtime/ports/actor.ts';
import { PRIVATE, privateRoom } from '../support/room-home.ts';

const turn = { now: 0, deadline: 10_000, random: () => 0.5 } as unknown as Turn;
const origin = {
  address: undefined,
  key: { user: 'bob', session: undefined, issuedAt: undefined, openedAt: undefined },
};
const BOB = { user: 'bob', isAdmin: false, origin };
const DENIED: Refusal = { error: 'forbidden', message: 'not any more' };

/** A private room whose log and application answer when the test says so. */
class Room {
  readonly out = new Effects();
  readonly state: RoomState;
  #asked = 0;

  constructor(vetted: AskedOfMessages | undefined) {
    this.state = privateRoom('r', turn, vetted);
    const { writer } = this.state;
    writer.claim(turn, this.out);
    writer.answered(this.#next('claim'), { ok: true, body: { ok: true, value: null } }, turn, this.out);
    writer.prepared(turn, this.out);
  }

  send(id: string, number: number): void {
    const entry = { id, sender: 'bob', content: 'x', data: null, sentAt: null };
    const asker = { replyTo: number as unknown as ReplyTo, deadline: 10_000 };
    check(this.state, { to: 'publish', by: BOB, sent: { entry, by: BOB, asker } }, turn, this.out);
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
    const context = this.#next('membership');
    const known = this.state.access.known(context, { ok: true, body: reply }, turn, this.out);
    for (const decided of known) proceed(this.state, decided, turn, this.out);
  }

  vetted(body: object): void {
    this.#gateAnswered('vetted', body);
  }

  stands(): void {
    this.#gateAnswered('standing', [{ standing: 'good', rights: undefined, isDoubted: false }]);
  }

  #gateAnswered(kind: string, body: object): void {
    const next = this.state.gate?.answered(this.#next(kind), { ok: true, body }, turn, this.out) ?? [];
    for (const one of next) check(this.state, one, turn, this.out);
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
  room.state.access.changed(PRIVATE);
  room.vetted({ content: 'x', data: null });
  room.vetted(DENIED);
  room.stands();
  expect(room.isAsked('repeats')).toBe(false);
  room.membership({ ok: true, value: true });
  // Both are one message now, on its way into the log.
  expect(room.isAsked('repeats')).toBe(false);
  expect(room.replies).toEqual([]);
});
