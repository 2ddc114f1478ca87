import type { Channel } from '../../protocol/channels.ts';
import { WIRE_LIMITS } from '../../protocol/limits.ts';
import type { Turn } from '../../runtime/ports/actor.ts';
import type { Incarnation } from '../../runtime/ports/placement.ts';
import { membersFrame, presenceFrame } from '../frames.ts';
import type { Move, Publication } from '../messages.ts';
import type { Outbox } from '../outbox.ts';
import type { Presence, PresenceChange } from './presence.ts';

/** How long changes are gathered (PU2): a wave of reconnects is one frame, not hundreds. */
const GATHER_MS = 250;

/** In a room of many the count is told this often at most (LM9). */
const COUNT_EVERY_MS = 5_000;

/** Changes that are gathered at most; then they are told at once. They bound a frame's size (FR1) too. */
const MOVES_MAX = 500;

/** Who hears of it. */
export interface Audience {
  readonly channel: Channel;
  readonly nodes: Iterable<Incarnation>;
}

export interface RosterParts {
  readonly room: string;
  readonly presence: Presence;
  readonly audience: Audience;
}

/**
 * What those present are told of each other: who came, went, fell silent, or, in a room of many, how many there are.
 *
 * - What it costs is bounded by time: a frame each 250 ms by name, each 5 s by number, whatever anybody does.
 * - While it counts, `#moves` is empty: names begin again with a list of all (`members` with `users`).
 */
export class Roster {
  readonly #room: string;
  readonly #presence: Presence;
  readonly #audience: Audience;
  /** In order. */
  readonly #moves = new Set<Move>();
  readonly #movesOf = new Map<string, readonly Move[]>();
  #isCounting = false;
  #countedAt = -Infinity;
  #isCountArmed = false;

  constructor({ room, presence, audience }: RosterParts) {
    this.#room = room;
    this.#presence = presence;
    this.#audience = audience;
  }

  /**
   * Somebody is here who was let in by an earlier life of the home. What that life told is not known: all are told how
   * things are, once those of then have had time to come.
   */
  begunAnew(turn: Turn, out: Outbox): void {
    if (!this.#isCounting) {
      this.#isCounting = true;
      this.#countedAt = turn.now;
      this.#clear();
    }
    this.again(turn, out);
  }

  changed(change: PresenceChange, turn: Turn, out: Outbox): void {
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
  flush(out: Outbox): void {
    const moves = [...this.#moves];
    this.#clear();
    if (moves.length > 0) this.#publish({ type: 'roster', room: this.#room, moves }, out);
  }

  /** How things are is to be told soon: also when somebody could not be told of others for a while. */
  again(turn: Turn, out: Outbox): void {
    if (this.#isCountArmed) return;
    this.#isCountArmed = true;
    out.arm('members', Math.max(GATHER_MS, this.#countedAt + COUNT_EVERY_MS - turn.now));
  }

  /** That time has come. Who was told nothing but numbers is told all by name, where they are few enough. */
  tellMembers(turn: Turn, out: Outbox): void {
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
   * Who comes and goes did both, in this order; of who does it again and again the last of each is told.
   * How somebody is shown is a state: the newest counts, until he comes or goes.
   */
  #gather(move: Move): void {
    const known = this.#movesOf.get(move.user) ?? [];
    const comings: readonly Move[] = known.filter((old) => old.move !== 'presence');
    const kept = move.move === 'presence' || comings.length < 2 ? comings : [];
    for (const old of known) if (!kept.includes(old)) this.#moves.delete(old);
    this.#moves.add(move);
    this.#movesOf.set(move.user, [...kept, move]);
  }

  #publish(message: Publication, out: Outbox): void {
    const { channel, nodes } = this.#audience;
    out.publish(channel, nodes, message);
  }

  #clear(): void {
    this.#moves.clear();
    this.#movesOf.clear();
  }
}
