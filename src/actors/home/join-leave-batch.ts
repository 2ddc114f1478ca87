import type { Channel } from '../../protocol/channels.ts';
import { WIRE_LIMITS } from '../../protocol/limits.ts';
import type { Turn } from '../../runtime/ports/actor.ts';
import type { Incarnation } from '../../runtime/ports/placement.ts';
import { membersFrame, presenceFrame } from '../kit/frames.ts';
import type { Move, Publication } from '../messages/relay.ts';
import type { Effects } from '../kit/effects.ts';
import type { Presence, PresenceChange } from './presence.ts';

/** How long changes are gathered (PU2): a wave of reconnects is one frame, not hundreds. */
const GATHER_MS = 250;

/** A large room publishes its count this often at most (LM9). */
const COUNT_EVERY_MS = 5_000;

/** The number of changes after which the batch is published at once. They bound a frame's size (FR1) too. */
const MOVES_MAX = 500;

/** The channel, and the nodes that hear its publications. */
export interface Audience {
  readonly channel: Channel;
  readonly nodes: ReadonlySet<Incarnation>;
}

/**
 * What the users of a room get to know of each other: joins, leaves and silence by name, or in a large room their number.
 *
 * - Time bounds the cost: a frame with names each 250 ms, one with the number each 5 s, however many join and leave.
 * - While it counts, `#moves` is empty: names begin again with a list of all (`members` with `users`).
 */
export class JoinLeaveBatch {
  readonly #room: string;
  readonly #presence: Presence;
  readonly #audience: Audience;
  /** In order. */
  readonly #moves = new Set<Move>();
  readonly #movesOf = new Map<string, readonly Move[]>();
  #isCounting = false;
  #countedAt = -Infinity;
  #isCountArmed = false;

  constructor(room: string, presence: Presence, audience: Audience) {
    this.#room = room;
    this.#presence = presence;
    this.#audience = audience;
  }

  /**
   * A device joins again that an earlier generation of the home has let in. It is unknown what that one has published. So all get
   * the whole list, after the other devices of that generation have had time to join again.
   */
  begunAnew(turn: Turn, out: Effects): void {
    if (!this.#isCounting) {
      this.#isCounting = true;
      this.#countedAt = turn.now;
      this.#clear();
    }
    this.again(turn, out);
  }

  changed(change: PresenceChange, turn: Turn, out: Effects): void {
    const isMove = change.type === 'joined' || change.type === 'left';
    if (isMove && this.#presence.size > WIRE_LIMITS.namedPresentMax) {
      this.#isCounting = true;
      this.#clear();
    }
    if (this.#isCounting) {
      if (isMove) this.again(turn, out);
      return;
    }
    if (this.#moves.size === 0) out.arm('roster', GATHER_MS);
    this.#gather(this.#moveOf(change));
    if (this.#moves.size >= MOVES_MAX) this.flush(out);
  }

  /** The time of gathering is over. */
  flush(out: Effects): void {
    const moves = [...this.#moves];
    this.#clear();
    if (moves.length > 0) this.#publish({ type: 'roster', room: this.#room, moves }, out);
  }

  /** The whole list is published soon: also for devices that could not get some changes. */
  again(turn: Turn, out: Effects): void {
    if (this.#isCountArmed) return;
    this.#isCountArmed = true;
    out.arm('members', Math.max(GATHER_MS, this.#countedAt + COUNT_EVERY_MS - turn.now));
  }

  /** That time has come. Users who got only numbers get all names, if there are few enough. */
  tellMembers(turn: Turn, out: Effects): void {
    this.flush(out);
    this.#isCountArmed = false;
    this.#countedAt = turn.now;
    const isForAll = this.#isCounting;
    const count = this.#presence.size;
    this.#isCounting = count > WIRE_LIMITS.namedPresentMax;
    const users = this.#isCounting ? undefined : this.#presence.users();
    const frame = membersFrame(this.#room, count, users);
    const suspects = users ? this.#presence.suspects().map((change) => this.#moveOf(change)) : [];
    this.#publish({ type: 'members', room: this.#room, frame, suspects, isForAll }, out);
  }

  #moveOf({ type, user, since }: PresenceChange): Move {
    if (type === 'joined' || type === 'left') return { move: type, user };
    return { move: 'presence', user, frame: presenceFrame(this.#room, { type, user, since }) };
  }

  /**
   * A user who joins and leaves did both, in this order. If a user does it again and again, the last of each counts. The
   * newest state of a user counts until the user leaves or joins.
   */
  #gather(move: Move): void {
    const earlier = this.#movesOf.get(move.user) ?? [];
    const comings: readonly Move[] = earlier.filter((old) => old.move !== 'presence');
    const kept = move.move === 'presence' || comings.length < 2 ? comings : [];
    for (const old of earlier) if (!kept.includes(old)) this.#moves.delete(old);
    this.#moves.add(move);
    this.#movesOf.set(move.user, [...kept, move]);
  }

  #publish(message: Publication, out: Effects): void {
    const { channel, nodes } = this.#audience;
    out.publish(channel, nodes, message);
  }

  #clear(): void {
    this.#moves.clear();
    this.#movesOf.clear();
  }
}
