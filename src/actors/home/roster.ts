import type { Channel } from '../../protocol/channels.ts';
import { WIRE_LIMITS } from '../../protocol/limits.ts';
import type { Turn } from '../../runtime/ports/actor.ts';
import { membersFrame, presenceFrame } from '../frames.ts';
import type { Move } from '../messages.ts';
import type { Outbox } from '../outbox.ts';
import type { Presence, PresenceChange } from './presence.ts';

/** How long changes are gathered (PU2): a wave of reconnects is one frame, not hundreds. */
const GATHER_MS = 250;

/** In a room of many the count is told this often at most (LM9). */
const COUNT_EVERY_MS = 5_000;

/** Changes that are gathered at most; then they are told at once. They bound a frame's size (FR1) too. */
const MOVES_MAX = 500;

/** Who hears of it. */
interface Audience {
  readonly channel: Channel;
  readonly nodes: Iterable<string>;
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
  #isCounting: boolean;
  #isArmed = false;
  #countedAt: number;

  /** `isAnew`: an earlier life knew who was present, and nobody has said so to this one yet. */
  constructor({ room, presence, audience }: RosterParts, isAnew: boolean, now: number) {
    this.#room = room;
    this.#presence = presence;
    this.#audience = audience;
    this.#isCounting = isAnew;
    this.#countedAt = isAnew ? now : -Infinity;
  }

  changed({ type, user, since }: PresenceChange, turn: Turn, out: Outbox): void {
    const isMove = type === 'joined' || type === 'left';
    if (isMove && this.#presence.size > WIRE_LIMITS.namedPresentMax) this.#beginCounting();
    if (this.#isCounting) {
      if (isMove) this.#arm(Math.max(GATHER_MS, this.#countedAt + COUNT_EVERY_MS - turn.now), out);
      return;
    }
    if (isMove) this.#gather({ move: type, user });
    else this.#gather({ move: 'presence', user, frame: presenceFrame(this.#room, { type, user, since }) });
    this.#arm(GATHER_MS, out);
    if (this.#moves.size >= MOVES_MAX) this.#tellMoves(out);
  }

  /** The time of gathering is over. */
  due(turn: Turn, out: Outbox): void {
    this.#isArmed = false;
    if (this.#isCounting) this.#tellMembers(turn, out);
    else this.#tellMoves(out);
  }

  #arm(delayMs: number, out: Outbox): void {
    if (this.#isArmed) return;
    this.#isArmed = true;
    out.arm('roster', delayMs);
  }

  #beginCounting(): void {
    if (this.#isCounting) return;
    this.#isCounting = true;
    this.#clear();
    // What is armed may be too soon for a count: it is armed anew.
    this.#isArmed = false;
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

  #tellMoves(out: Outbox): void {
    const moves = [...this.#moves];
    this.#clear();
    if (moves.length > 0) this.#publish({ type: 'roster', room: this.#room, moves }, out);
  }

  #tellMembers(turn: Turn, out: Outbox): void {
    this.#countedAt = turn.now;
    const count = this.#presence.size;
    this.#isCounting = count > WIRE_LIMITS.namedPresentMax;
    const users = this.#isCounting ? undefined : this.#presence.users();
    this.#publish({ type: 'notice', frame: membersFrame(this.#room, count, users) }, out);
  }

  #publish(message: unknown, out: Outbox): void {
    const { channel, nodes } = this.#audience;
    out.publish(channel, nodes, message);
  }

  #clear(): void {
    this.#moves.clear();
    this.#movesOf.clear();
  }
}
