import type { Channel } from '../../protocol/channels.ts';
import type { Outbox } from '../outbox.ts';

/** How long arrivals and departures are gathered (PU2): a wave of reconnects is one frame, not hundreds. */
const GATHER_MS = 250;

/** Who joined and who left since the last word about it. Somebody who did both did neither. */
export class Roster {
  readonly #room: string;
  readonly #moves = new Map<string, 'joined' | 'left'>();

  constructor(room: string) {
    this.#room = room;
  }

  add(move: 'joined' | 'left', user: string, out: Outbox): void {
    const before = this.#moves.get(user);
    if (before !== undefined && before !== move) this.#moves.delete(user);
    else this.#moves.set(user, move);
    if (this.#moves.size === 1 && before === undefined) out.arm('roster', GATHER_MS);
  }

  flush(channel: Channel, nodes: Iterable<string>, out: Outbox): void {
    const moves = [...this.#moves].map(([user, move]) => ({ user, move }));
    this.#moves.clear();
    if (moves.length > 0) out.publish(channel, nodes, { type: 'roster', room: this.#room, moves });
  }
}
