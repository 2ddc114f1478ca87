import type { Timeline } from '../kit/timeline.ts';

/** How long another node of a cluster may go on under a right that was taken away, when messages between nodes are lost (D25). */
export const CLUSTER_ENDS_MS = 2_500;

/** After a disturbance links between nodes need this long until they carry everything again. */
const HEALING_MS = 5_000;

interface Span {
  readonly from: number;
  readonly until: number;
}

/** When a process stood still or could not see what is stored, and when messages between nodes were disturbed. */
export class SlowTimes {
  readonly #timeline: Timeline;
  readonly #still: Span[] = [];
  readonly #disturbed: Span[] = [];
  /** There are several nodes. */
  readonly isClustered: boolean;

  constructor(timeline: Timeline, isClustered: boolean) {
    this.#timeline = timeline;
    this.isClustered = isClustered;
  }

  /** The database is in trouble: nodes may not see what other nodes have stored. */
  storeFails(ms: number): void {
    if (this.isClustered) this.standsStill(ms);
  }

  standsStill(ms: number): void {
    const from = this.#timeline.now;
    this.#still.push({ from, until: from + ms });
  }

  netFails(ms: number): void {
    const from = this.#timeline.now;
    this.#disturbed.push({ from, until: from + ms + HEALING_MS });
  }

  /** When the last disturbance of the messages between nodes ends, or has ended. */
  get quietSince(): number {
    return this.#disturbed.reduce((latest, { until }) => Math.max(latest, until - HEALING_MS), 0);
  }

  /** Until when a state of that time may still have effects, if nodes go by it for `endsMs`. */
  until(then: number, endsMs: number): number {
    let until = then + endsMs;
    for (const still of this.#still) if (still.from <= until) until = Math.max(until, still.until + endsMs);
    return until;
  }

  /** Until when another node may still show a room to a user who lost the right to it at that time. */
  shownUntil(then: number): number {
    const isDisturbed = this.#disturbed.some(
      ({ from, until }) => from <= then + CLUSTER_ENDS_MS && then <= until,
    );
    return this.isClustered && isDisturbed ? this.until(then, CLUSTER_ENDS_MS) : then;
  }
}
