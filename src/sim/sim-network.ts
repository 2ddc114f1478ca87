import { fromText, toText } from '../node/codec.ts';
import type { Bus, BusEvents, RemoteMessage } from '../runtime/ports/bus.ts';
import type { Incarnation } from '../runtime/ports/placement.ts';
import type { Random } from './random.ts';
import type { Timeline } from './timeline.ts';

/** How long a batch is under way, and until a peer's coming or going is heard of. */
const BATCH_MS = [0.2, 3] as const;
const NEWS_MS = [1, 50] as const;

interface Member {
  events: BusEvents | undefined;
  /** Runs something in the process: at once, when it goes on, or never. */
  readonly enter: (run: () => void) => void;
  readonly queues: Map<Incarnation, RemoteMessage[]>;
  /** When the last batch from each peer arrives: none overtakes another. */
  readonly arrivals: Map<Incarnation, number>;
}

/** What connects the nodes of a simulated world. Messages travel as text, as they do between machines. */
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
        for (const [peer, other] of this.#members) {
          this.#news(member, (told) => this.#members.has(peer) && told.peerUp(peer));
          this.#news(other, (told) => this.#members.has(self) && told.peerUp(self));
        }
        this.#members.set(self, member);
      },
      send: (peer, message) => {
        if (peer === self || !this.#members.has(peer) || !this.#members.has(self)) return false;
        const queue = member.queues.get(peer);
        if (queue) queue.push(message);
        else member.queues.set(peer, [message]);
        return true;
      },
      flush: () => {
        for (const [peer, batch] of member.queues) this.#carry(self, peer, batch.map(toText));
        member.queues.clear();
      },
    };
  }

  /** A process is gone: what is under way to it is lost. */
  detach(self: Incarnation): void {
    if (!this.#members.delete(self)) return;
    for (const other of this.#members.values()) this.#news(other, (told) => told.peerDown(self));
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

  #news(member: Member, tell: (events: BusEvents) => unknown): void {
    this.#timeline.after(this.#random.delay(...NEWS_MS), () =>
      member.enter(() => member.events && tell(member.events)),
    );
  }
}
