import type { ReplyTo } from '../../runtime/ports/actor.ts';
import type { Effects } from '../kit/effects.ts';
import type { ConnectionAddress } from '../messages/connection.ts';

/** Clients come back this far apart after a drain: 500 a second, half of what one core can let in. */
const SLOT_MS = 2;

/** The first comes back after this: a process needs as long to be there again. */
const FIRST_SLOT_MS = 500;

type Connections = ReadonlyMap<ConnectionAddress, unknown>;

/** The connections of a node that drains are sent away, each with its own time to come back (D15). */
export class Dismissal {
  /** The number of slots in use; undefined while there is no drain. */
  #slots: number | undefined;
  /** Askers that wait until the last connection is gone. */
  #dismissers: ReplyTo[] = [];

  begin(replyTo: ReplyTo | undefined, connections: Connections, out: Effects): void {
    if (replyTo) this.#dismissers.push(replyTo);
    this.#slots ??= 0;
    for (const address of connections.keys()) this.came(address, out);
    this.left(connections, out);
  }

  /** A connection is there whose handshake was under way when the others were sent away. */
  came(address: ConnectionAddress, out: Effects): void {
    if (this.#slots === undefined) return;
    out.tell(address, { type: 'drain', retryAfterMs: FIRST_SLOT_MS + this.#slots * SLOT_MS });
    this.#slots++;
  }

  /** One has gone. */
  left(connections: Connections, out: Effects): void {
    if (connections.size > 0) return;
    for (const dismisser of this.#dismissers.splice(0)) out.reply(dismisser, {});
  }
}
