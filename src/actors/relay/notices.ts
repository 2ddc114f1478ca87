import type { FrameBatch } from '../../runtime/ports/sockets.ts';
import { frameBatch, rosterFrames } from '../kit/frames.ts';
import type { Move, Publication } from '../messages/relay.ts';
import type { CatchUp } from './catch-up.ts';
import type { Fanout } from './fanout.ts';
import type { Subscribers } from './subscribers.ts';
import { LazySet } from '../kit/lazy.ts';

export interface NoticesParts {
  readonly subscribers: Subscribers;
  readonly fanout: Fanout;
  readonly catchUp: CatchUp;
}

/**
 * Notices to a room's live subscribers, beside the log.
 *
 * - `#owed` are connections that missed some joins or leaves. They get the whole list of members when they can take it.
 */
export class Notices {
  readonly #parts: NoticesParts;
  readonly #owed = new LazySet<number>();
  /** Too much waited, so that live connections missed a notice: they get the whole list as soon as nothing waits. */
  #isDropped = false;

  constructor(parts: NoticesParts) {
    this.#parts = parts;
  }

  /** A signal that a connection cannot take is lost. */
  signal(frame: string, from: string): void {
    const { subscribers, fanout } = this.#parts;
    const sender = subscribers.at(from);
    fanout.push(frameBatch([frame], 0, 0), sender && new Set([sender.connection]));
  }

  /** All get the same moves, except the users in them: these get the moves of others since their own join. */
  roster(room: string, moves: readonly Move[]): void {
    const came = new Map<string, number>();
    for (const [at, { move, user }] of moves.entries())
      if (move === 'joined' || !came.has(user)) came.set(user, move === 'joined' ? at : -1);
    const named = new Set<number>();
    for (const [user, place] of came) {
      const own = this.#connectionsOf(user);
      if (own.length === 0) continue;
      for (const connection of own) named.add(connection);
      const others = moves.filter((move, at) => at > place && move.user !== user);
      if (others.length > 0) this.#tell(own, frameBatch(rosterFrames(room, others), 0, 0));
    }
    this.#tellAll(frameBatch(rosterFrames(room, moves), 0, 0), named);
  }

  /** The whole list of members, to all, or to the owed connections that can take it. */
  members({ room, frame, suspects, isForAll }: Publication & { type: 'members' }): void {
    const { fanout } = this.#parts;
    const ready = [...this.#owed].filter((connection) => fanout.has(connection));
    for (const connection of ready) this.#owed.delete(connection);
    if (isForAll) {
      this.#tellAll(frameBatch([frame], 0, 0));
      if (suspects.length > 0) this.roster(room, suspects);
      return;
    }
    const own = new Map(suspects.map(({ user }) => [user, this.#connectionsOf(user)]));
    const apart = new Set([...own.values()].flat());
    const batchFor = (user?: string): FrameBatch => {
      const others = suspects.filter((move) => move.user !== user);
      return frameBatch([frame, ...rosterFrames(room, others)], 0, 0);
    };
    this.#tell(
      ready.filter((connection) => !apart.has(connection)),
      batchFor(),
    );
    for (const [user, connections] of own)
      this.#tell(
        connections.filter((connection) => ready.includes(connection)),
        batchFor(user),
      );
  }

  #connectionsOf(user: string): number[] {
    return Array.from(this.#parts.subscribers.of(user), ({ connection }) => connection);
  }

  #tell(connections: readonly number[], batch: FrameBatch): void {
    if (connections.length > 0 && !this.#parts.fanout.pushTo(connections, batch)) this.#dropped(connections);
  }

  #tellAll(batch: FrameBatch, except?: ReadonlySet<number>): void {
    const { fanout, catchUp } = this.#parts;
    if (!fanout.push(batch, except)) this.#dropped(fanout.connections());
    for (const connection of catchUp.connections()) this.#owed.add(connection);
  }

  #dropped(connections: Iterable<number>): void {
    this.#isDropped = true;
    for (const connection of connections) this.#owed.add(connection);
  }

  /**
   * Connections whose sockets take nothing for a while, beginning with `first` of the log, or with a notice (0). They get no
   * notices until they are live again.
   */
  refused(connections: readonly number[], first: number): void {
    const { subscribers, fanout, catchUp } = this.#parts;
    for (const connection of connections) {
      if (!subscribers.has(connection)) continue;
      if (first === 0 || fanout.hasNotices) this.#owed.add(connection);
      const next = catchUp.nextFor(connection) ?? fanout.nextFor(connection);
      fanout.remove(connection);
      catchUp.stalled(connection, first === 0 ? next : first);
    }
  }

  /** The notices that an earlier generation had for it are lost. */
  owe(connection: number): void {
    this.#owed.add(connection);
  }

  forget(connection: number): void {
    this.#owed.delete(connection);
  }

  /** Whether the home should send the whole list: a connection is live again, or nothing waits any more after too much did. */
  isDue(hasCaughtUp: boolean, isWriting: boolean): boolean {
    if (this.#owed.size === 0) return false;
    const isDue = hasCaughtUp || (this.#isDropped && !isWriting);
    if (isDue) this.#isDropped = false;
    return isDue;
  }
}
