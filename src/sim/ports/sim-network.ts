import { fromText, toText } from '../../cluster/codec.ts';
import type { Bus, BusEvents, RemoteMessage } from '../../runtime/ports/bus.ts';
import type { Incarnation } from '../../runtime/ports/placement.ts';
import type { Random } from '../kit/random.ts';
import type { Timeline } from '../kit/timeline.ts';

/** How long a batch travels. */
const BATCH_MS = [0.2, 3] as const;

interface Member {
  events: BusEvents | undefined;
  /** Runs a function in the process: at once, or when it continues, or never. */
  readonly enter: (run: () => void) => void;
  readonly queues: Map<Incarnation, RemoteMessage[]>;
  /** When the last batch from each peer arrives. No batch overtakes another. */
  readonly arrivals: Map<Incarnation, number>;
}

/** The network between simulated nodes. Messages travel as text, as between machines. */
export class SimNetwork {
  readonly #timeline: Timeline;
  readonly #random: Random;
  readonly #members = new Map<Incarnation, Member>();

  constructor(timeline: Timeline, random: Random) {
    this.#timeline = timeline;
    this.#random = random;
  }

  /** The bus of a process that starts. */
  attach(self: Incarnation, enter: (run: () => void) => void): Bus {
    const member: Member = { events: undefined, enter, queues: new Map(), arrivals: new Map() };
    return {
      connect: (events) => {
        member.events = events;
        this.#members.set(self, member);
      },
      send: (peer, message) => {
        if (peer === self || !this.#members.has(self)) return false;
        const queue = member.queues.get(peer);
        if (queue) queue.push(message);
        else member.queues.set(peer, [message]);
        return true;
      },
      flush: () => {
        for (const [peer, batch] of member.queues) this.#carry(self, peer, batch.map(toText));
        member.queues.clear();
      },
      know: () => {},
    };
  }

  /** A process is gone. Batches on their way to it are lost. No other process hears of it. */
  detach(self: Incarnation): void {
    this.#members.delete(self);
  }

  #carry(from: Incarnation, to: Incarnation, batch: readonly string[]): void {
    const member = this.#members.get(to);
    if (!member) return;
    const at = Math.max(this.#timeline.now + this.#random.delay(...BATCH_MS), member.arrivals.get(from) ?? 0);
    member.arrivals.set(from, at);
    this.#timeline.after(at - this.#timeline.now, () => {
      if (!this.#members.has(from) || this.#members.get(to) !== member) return;
      member.enter(() => member.events?.received(from, batch.map(fromText)));
    });
  }
}
