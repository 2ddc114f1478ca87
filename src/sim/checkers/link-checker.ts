import type { Bus, BusEvents, RemoteMessage } from '../../runtime/ports/bus.ts';
import type { Incarnation } from '../../runtime/ports/placement.ts';
import type { Timeline } from '../kit/timeline.ts';
import type { Violate } from '../kit/violation.ts';

/** How long a message may take while nothing disturbs the network or the processes. */
const ARRIVES_MS = 4_000;

interface Sent {
  /** What a message is known by: the network may repeat it, and carries it as a text. */
  readonly mark: string;
  readonly at: number;
  isGivenUp: boolean;
}

/** What one process has sent to another, and what has not come yet. */
interface Pair {
  readonly from: Incarnation;
  readonly to: Incarnation;
  sent: Sent[];
  /** Nothing is certain any more: one of them has forgotten the other, or may get later what the other has dropped. */
  isLoose: boolean;
}

/**
 * What links between nodes promise, in a book of its own (D13): each message comes once and in order, or its sender and its receiver
 * both learn that some are lost; and it comes soon unless something goes wrong.
 */
export class LinkChecker {
  readonly #timeline: Timeline;
  readonly #violate: Violate;
  /** Something hinders the processes. */
  readonly #isTroubled: () => boolean;
  readonly #pairs = new Map<string, Pair>();
  readonly #peers = new Map<Incarnation, ReadonlySet<Incarnation>>();

  constructor(timeline: Timeline, violate: Violate, isTroubled: () => boolean) {
    this.#timeline = timeline;
    this.#violate = violate;
    this.#isTroubled = isTroubled;
  }

  /** The bus of a process, with its messages watched. */
  readonly watch = (self: Incarnation, bus: Bus): Bus => ({
    connect: (events) => bus.connect(this.#watched(self, events)),
    send: (peer, message) => {
      const isTaken = bus.send(peer, message);
      if (isTaken) this.#sent(self, peer, message);
      return isTaken;
    },
    flush: () => bus.flush(),
    know: (peers) => {
      this.#knows(self, peers);
      bus.know(peers);
    },
  });

  #watched(self: Incarnation, events: BusEvents): BusEvents {
    return {
      ...events,
      received: (from, batch) => {
        this.#received(from, self, batch);
        events.received(from, batch);
      },
      hole: (from) => {
        const pair = this.#pairs.get(keyOf(from, self));
        if (pair) pair.sent = pair.sent.filter(({ isGivenUp }) => !isGivenUp);
        events.hole(from);
      },
      gaveUp: (peer) => {
        this.#gaveUp(self, peer);
        events.gaveUp(peer);
      },
    };
  }

  #sent(from: Incarnation, to: Incarnation, message: RemoteMessage): void {
    const key = keyOf(from, to);
    let pair = this.#pairs.get(key);
    if (!pair) this.#pairs.set(key, (pair = { from, to, sent: [], isLoose: false }));
    pair.sent.push({ mark: markOf(message), at: this.#timeline.now, isGivenUp: false });
  }

  #received(from: Incarnation, to: Incarnation, batch: readonly RemoteMessage[]): void {
    const pair = this.#pairs.get(keyOf(from, to));
    if (!pair || pair.isLoose) return;
    for (const [at, message] of batch.entries()) {
      const [mark, next] = [markOf(message), pair.sent[at]?.mark];
      if (next !== mark)
        return this.#violate(14, `${to} gets ${mark} from ${from}, and ${next ?? 'nothing'} is the next`);
    }
    pair.sent = pair.sent.slice(batch.length);
  }

  /** The receiver may stand still. When it goes on it gets any part of what its peer had for it. */
  #gaveUp(from: Incarnation, to: Incarnation): void {
    const pair = this.#pairs.get(keyOf(from, to));
    if (!pair) return;
    pair.isLoose ||= this.#isTroubled();
    for (const sent of pair.sent) sent.isGivenUp = true;
  }

  #knows(self: Incarnation, peers: readonly Incarnation[]): void {
    const known = new Set(peers);
    for (const peer of this.#peers.get(self) ?? []) {
      if (known.has(peer)) continue;
      for (const key of [keyOf(self, peer), keyOf(peer, self)]) {
        const pair = this.#pairs.get(key);
        if (pair) pair.isLoose = true;
      }
    }
    this.#peers.set(self, known);
  }

  /** `quietSince`: from when on nothing has disturbed the network. */
  audit(living: ReadonlySet<Incarnation>, quietSince: number): void {
    const { now } = this.#timeline;
    for (const [key, { from, to, sent, isLoose }] of this.#pairs) {
      const [first] = sent;
      if (!living.has(from) || !living.has(to)) this.#pairs.delete(key);
      else if (first && !isLoose && !first.isGivenUp && now - Math.max(first.at, quietSince) > ARRIVES_MS)
        this.#violate(14, `${to} does not get ${first.mark} from ${from}`);
    }
  }
}

function keyOf(from: Incarnation, to: Incarnation): string {
  return `${from} ${to}`;
}

function markOf(message: RemoteMessage): string {
  const {
    type,
    to = '',
    of = '',
    ask = '',
  } = message as { type: string; to?: string; of?: string; ask?: number };
  return `${type} ${to}${of} ${ask}`;
}
