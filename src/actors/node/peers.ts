import type { Lease } from '../../runtime/ports/leases.ts';
import { explore, type ChartState } from '../kit/chart.ts';
import { nodeMachine } from './node.machine.ts';

export const nodeChart = explore(nodeMachine);

export interface PeerLimits {
  /** A process whose beats have not changed for this long is suspect. */
  readonly lateMs: number;
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
  state: ChartState;
  /** How often it was seen to have beaten. */
  beatsSeen: number;
}

/** A process that has come into another state. */
export interface PeerNews {
  readonly incarnation: string;
  /** `suspect`, then `alive` again or `dead`; of the chart `node`. */
  readonly phase: string;
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
 * - A new process counts as alive. One whose beats stand still over looks that follow each other closely enough counts as
 *   dead, until it beats.
 * - A time of not beating is never taken for longer than it was: from the answer of the first look to the question of the last.
 */
export class Peers {
  readonly #limits: PeerLimits;
  readonly #known = new Map<string, Known>();
  #lookedAt = -Infinity;
  #news: PeerNews[] = [];

  constructor(limits: PeerLimits) {
    this.#limits = limits;
  }

  /** In the order of their names. */
  get alive(): readonly Peer[] {
    return [...this.#known.values()]
      .filter(isAlive)
      .map(({ incarnation, node }) => ({ incarnation, node }))
      .toSorted((a, b) => (a.incarnation < b.incarnation ? -1 : 1));
  }

  /** Takes a look in; true when a live process has come, or one is not alive any more. */
  look({ leases, sentAt, now }: Look): boolean {
    const before = this.#names;
    this.#news = [];
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
    let known = this.#known.get(incarnation);
    if (!known) {
      known = { incarnation, node, beats, since: at.now, state: nodeChart.initial, beatsSeen: 0 };
      this.#known.set(incarnation, known);
    } else if (known.beats !== beats) {
      // A database that lost its end may have lost a death with it (D21): the process goes on, and is judged anew.
      if (!isDead && known.state.isFinal) known.state = nodeChart.initial;
      Object.assign(known, { beats, since: at.now, beatsSeen: known.beatsSeen + 1 });
      this.#fire(known, 'hasBeaten');
    } else if (at.isLate) {
      known.since = at.now;
    }
    const stillMs = at.sentAt - known.since;
    if (isDead) this.#fire(known, 'declaredDead');
    if (stillMs >= this.#limits.lateMs) this.#fire(known, 'isLate');
    if (stillMs >= this.#limits.lifeMs) this.#fire(known, 'isSilent');
  }

  #fire(known: Known, event: string): void {
    const edge = known.state.edges[event];
    if (!edge?.isHandled) return;
    const { phase: before } = known.state;
    known.state = edge.to;
    const { phase } = edge.to;
    if (phase !== before && before !== 'connecting')
      this.#news.push({ incarnation: known.incarnation, phase });
  }

  /** What the last look has changed. */
  get news(): readonly PeerNews[] {
    return this.#news;
  }

  /** The process surely lives. */
  surelyLives(incarnation: string): boolean {
    const known = this.#known.get(incarnation);
    return known !== undefined && isAlive(known) && known.beatsSeen >= SURELY_ALIVE;
  }

  /**
   * Rows of dead processes that are not needed any more, each with its last beats: a process that beats again keeps its
   * row.
   */
  forgotten(sentAt: number): readonly { readonly incarnation: string; readonly beats: number }[] {
    return [...this.#known.values()]
      .filter((known) => !isAlive(known) && sentAt - known.since >= this.#limits.forgetMs)
      .map(({ incarnation, beats }) => ({ incarnation, beats }));
  }

  get #names(): string {
    return this.alive.map(({ incarnation }) => incarnation).join('\n');
  }
}

/** A process that is late still is; one that has been accused may not be. */
function isAlive({ state }: Known): boolean {
  return !state.isFinal && state !== ACCUSED;
}

const ACCUSED = nodeChart.states.get('suspect.accused');
