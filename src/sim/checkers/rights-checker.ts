import { roomChannel } from '../../protocol/channels.ts';
import type { Expectations } from './expectations.ts';
import { OPEN_ROOMS } from '../kit/rooms.ts';
import { isAdminToken } from '../kit/tokens.ts';
import type { Frame, WireOwner, WireWorld } from './wire-owner.ts';

/** How long a lost scope may still show something: 1 s (JW4), and as long as a process may have stood still. */
const SCOPE_ENDS_MS = 15_000;

/** Requests that only a user with a right to the room gets answered. */
const OF_MEMBERS: ReadonlySet<unknown> = new Set(['join', 'history', 'presence']);

/**
 * Checks rights beside the checker of one connection's wire. A user who has lost a right (JW4, JW5, JW7) must get no answer
 * and no message. A user with the right must get no refusal.
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

  /** A token replaces the previous one. After a while the scopes of the previous one no longer count. */
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
    // An admin may send to rooms that they are banned from.
    const { now } = timeline;
    const from = this.#expected.adminUntil >= now ? -Infinity : now;
    log.isSent(roomChannel(room), this.#owner.user, id, from);
  }

  /** The client gets something, on a connection that was welcomed then. */
  received(welcomedAt: number | undefined, sentAt: number): void {
    if (welcomedAt !== undefined) this.#world.log.sessions.sent(this.#owner, welcomedAt, sentAt);
  }

  /** A request that was sent then gets its answer. */
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

  /** Only a banned user may be refused in an open room. */
  refused(room: string, askedAt: number): void {
    const isOpen = (OPEN_ROOMS as readonly string[]).includes(room);
    if (isOpen && !this.#world.log.bans.mayHaveBeen(roomChannel(room), this.#owner.user, askedAt))
      this.#world.violate(
        3,
        `${this.#owner.name} is forbidden ${room}, and was not banned since it asked (JW7)`,
      );
  }
}
