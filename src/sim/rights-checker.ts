import { roomChannel } from '../protocol/channels.ts';
import type { Expectations } from './expectations.ts';
import { OPEN_ROOMS } from './rooms.ts';
import { isAdminToken } from './sim-tokens.ts';
import type { Frame, WireOwner, WireWorld } from './wire-owner.ts';

/** A scope that was given up shows nothing after this: 1 s (JW4), and for as long as a process may have stood still. */
const SCOPE_ENDS_MS = 15_000;

/** What of a room is answered only to who may be there. */
const OF_MEMBERS: ReadonlySet<unknown> = new Set(['join', 'history', 'presence']);

/**
 * Sits beside the checker of one connection's wire: who has lost a right (JW4, JW5, JW7) is answered nothing and sent
 * nothing, and nobody else is refused.
 */
export class RightsChecker {
  readonly #owner: WireOwner;
  readonly #world: WireWorld;
  readonly #expected: Expectations;

  constructor(owner: WireOwner, world: WireWorld, expected: Expectations) {
    this.#owner = owner;
    this.#world = world;
    this.#expected = expected;
  }

  /** The client connects with this token. */
  opened(token: string): void {
    if (isAdminToken(token)) this.#expected.adminUntil = Infinity;
  }

  /** A token was taken in place of the one before: a scope that none of these has is of no use after a while. */
  refreshed(tokens: readonly unknown[], sentAt: number): void {
    this.#expected.adminUntil = tokens.some(isAdminToken)
      ? Infinity
      : Math.min(this.#expected.adminUntil, sentAt + SCOPE_ENDS_MS);
  }

  /** The client sends a request. */
  sent({ type, token, room, id }: Frame): void {
    if (type === 'refresh') this.opened(token as string);
    if (type !== 'chat') return;
    const { log, timeline } = this.#world;
    // Who has every right may send whatever he is banned from.
    const { now } = timeline;
    const from = this.#expected.adminUntil >= now ? -Infinity : now;
    log.isSent(roomChannel(room), this.#owner.user, id, from);
  }

  /** The client gets something, on a connection that was welcomed then. */
  received(welcomedAt: number | undefined, sentAt: number): void {
    if (welcomedAt !== undefined) this.#world.log.sessions.sent(this.#owner, welcomedAt, sentAt);
  }

  /** A request is answered that was sent then. */
  answered({ type, room }: Frame, askedAt: number, reply: Frame): void {
    if (room === undefined) return;
    const { log } = this.#world;
    if (reply['type'] === 'error') {
      if (reply['code'] === 'forbidden') this.refused(room, askedAt);
      return;
    }
    const until = Math.max(log.removedAt(roomChannel(room), this.#owner.user), this.#expected.adminUntil);
    if (OF_MEMBERS.has(type) && askedAt > until)
      this.#world.violate(
        3,
        `${this.#owner.name} is answered ${type} of ${room}, which it may not use (JW7)`,
      );
  }

  /** Nobody but who is banned is kept out of what is open to all. */
  refused(room: string, askedAt: number): void {
    const isOpen = (OPEN_ROOMS as readonly string[]).includes(room);
    if (isOpen && !this.#world.log.bans.mayHaveBeen(roomChannel(room), this.#owner.user, askedAt))
      this.#world.violate(
        3,
        `${this.#owner.name} is forbidden ${room}, and was not banned since it asked (JW7)`,
      );
  }
}
