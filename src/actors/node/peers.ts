import type { Lease } from '../../runtime/ports/leases.ts';

export interface PeerLimits {
  /** A lease whose beats have not changed for this long is that of a dead process. */
  readonly lifeMs: number;
  /** The longest time between two looks after which the first still counts. */
  readonly gapMs: number;
  /** The row of a dead process is removed after this. */
  readonly forgetMs: number;
}

/** A process that has died may still beat some times: its last statements were under way. */
const SURELY_ALIVE = 5;

/** Another process on the same database. */
export interface Peer {
  readonly incarnation: string;
  readonly node: string;
}

interface Known extends Peer {
  beats: number;
  /** The latest moment at which these beats may have been new. */
  since: number;
  isAlive: boolean;
  /** How often it was seen to have beaten. */
  beatsSeen: number;
}

/** One look at the leases: asked at `sentAt`, answered at `now`; the rows were read somewhere in between. */
export interface Look {
  readonly leases: readonly Lease[];
  readonly sentAt: number;
  readonly now: number;
}

/**
 * The other processes on the database, judged by their beats and by this process's own monotonic time: clocks of
 * different machines are never compared (D11).
 *
 * - A new process counts as alive. One whose beats stand still over looks that follow each other closely enough is
 *   dead, until it beats.
 * - A time of not beating is never taken for longer than it was: from the answer of the first look to the question of the last.
 */
export class Peers {
  readonly #limits: PeerLimits;
  readonly #known = new Map<string, Known>();
  #lookedAt = -Infinity;

  constructor(limits: PeerLimits) {
    this.#limits = limits;
  }

  /** In the order of their names. */
  get alive(): readonly Peer[] {
    return [...this.#known.values()]
      .filter(({ isAlive }) => isAlive)
      .map(({ incarnation, node }) => ({ incarnation, node }))
      .toSorted((a, b) => (a.incarnation < b.incarnation ? -1 : 1));
  }

  /** Takes a look in; true when a live process has come, or one is not alive any more. */
  look({ leases, sentAt, now }: Look): boolean {
    const before = this.#names;
    const isLate = now - this.#lookedAt > this.#limits.gapMs;
    this.#lookedAt = now;
    const rows = new Map(leases.map((lease) => [lease.incarnation, lease]));
    for (const incarnation of this.#known.keys()) if (!rows.has(incarnation)) this.#known.delete(incarnation);
    for (const lease of rows.values()) this.#judge(lease, { sentAt, now, isLate });
    return this.#names !== before;
  }

  #judge(
    { incarnation, node, beats, isDead }: Lease,
    at: { readonly sentAt: number; readonly now: number; readonly isLate: boolean },
  ): void {
    const known = this.#known.get(incarnation);
    if (!known || known.beats !== beats) {
      const beatsSeen = known ? known.beatsSeen + 1 : 0;
      this.#known.set(incarnation, { incarnation, node, beats, since: at.now, isAlive: !isDead, beatsSeen });
      return;
    }
    if (at.isLate) known.since = at.now;
    if (isDead || at.sentAt - known.since >= this.#limits.lifeMs) known.isAlive = false;
  }

  /** The process surely lives. */
  surelyLives(incarnation: string): boolean {
    const known = this.#known.get(incarnation);
    return known !== undefined && known.isAlive && known.beatsSeen >= SURELY_ALIVE;
  }

  /**
   * Rows of dead processes that are not needed any more, each with its last beats: a process that beats again keeps its
   * row.
   */
  forgotten(sentAt: number): readonly { readonly incarnation: string; readonly beats: number }[] {
    return [...this.#known.values()]
      .filter(({ isAlive, since }) => !isAlive && sentAt - since >= this.#limits.forgetMs)
      .map(({ incarnation, beats }) => ({ incarnation, beats }));
  }

  get #names(): string {
    return this.alive.map(({ incarnation }) => incarnation).join('\n');
  }
}
