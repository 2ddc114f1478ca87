import type { Channel } from '../../protocol/channels.ts';
import type { Outbox } from '../outbox.ts';

/** How long arrivals and departures are gathered (PU2): a wave of reconnects is one frame, not hundreds. */
const GATHER_MS = 250;

/** Who hears of it. */
interface Audience {
  readonly channel: Channel;
  readonly nodes: Iterable<string>;
}

/** Who joined and who left since the last word about it. */
export class Roster {
  readonly #room: string;
  readonly #moves = new Map<string, 'joined' | 'left'>();

  constructor(room: string) {
    this.#room = room;
  }

  /** Somebody who did the opposite a moment ago did both: that is told first, since a page of presence may have shown it. */
  add(move: 'joined' | 'left', user: string, to: Audience, out: Outbox): void {
    if (this.#moves.has(user)) this.flush(to, out);
    if (this.#moves.size === 0) out.arm('roster', GATHER_MS);
    this.#moves.set(user, move);
  }

  flush({ channel, nodes }: Audience, out: Outbox): void {
    const moves = [...this.#moves].map(([user, move]) => ({ user, move }));
    this.#moves.clear();
    if (moves.length > 0) out.publish(channel, nodes, { type: 'roster', room: this.#room, moves });
  }
}
