import { LEASE } from '../../actors/messages/node.ts';
import { LEASE_LIMITS } from '../../actors/node/lease-limits.ts';
import { UNHEARD_MS } from '../../actors/node/unheard.ts';
import type { Channel } from '../../protocol/channels.ts';
import { ownerIn } from '../../actors/kit/shards.ts';
import type { StoreCalls, StoreReply, StoreRequest } from '../../runtime/ports/log-store.ts';
import type { Incarnation, View } from '../../runtime/ports/placement.ts';
import type { ActorSystem } from '../../runtime/system.ts';
import type { Timeline } from '../kit/timeline.ts';
import type { Violate } from '../kit/violation.ts';
import { GreyChecker, type Hearer } from './grey-checker.ts';

/** From the death of a process to a view without it, while nothing else goes wrong: 5.9 s at most (D11), and some more. */
const GONE_MS = 8_000;

/** A node goes by its last look until it doubts itself, and what it then asks of the database may take a while. */
const STALE_MS = LEASE_LIMITS.lifeMs + 3_000;

/** How long a process that reads of its death may take to end. */
const ENDS_MS = 500;

interface AuditedNode extends Hearer {
  readonly isAlive: boolean;
  /** When it read that its name is over, if it goes on nevertheless. */
  readonly lostAt: number;
  readonly system: ActorSystem;
}

interface Beat {
  readonly beats: number;
  readonly at: number;
  /** Since when the lease says that the process is not heard; undefined: it is. */
  readonly unheardSince: number | undefined;
  /** Until when it was not heard, the last time that this was for so long that its homes moved. */
  readonly greyUntil: number;
}

/** A copy of the leases and of the view: the state of a standby without lag. */
export interface ClusterBook {
  readonly view: View | null;
  readonly beats: ReadonlyMap<Incarnation, Beat>;
  readonly dead: ReadonlySet<Incarnation>;
}

/**
 * What leases and view must be, in a book of its own: invariants 10 and 17. It looks at each commit of a statement about them,
 * and at claims.
 */
export class ClusterChecker {
  readonly #timeline: Timeline;
  readonly #violate: Violate;
  #view: View | null = null;
  /** The last beat of each process that has a lease. */
  #beats = new Map<Incarnation, Beat>();
  #dead = new Set<Incarnation>();
  readonly #living = new Set<Incarnation>();
  /** Until when something hinders the nodes from judging each other. */
  #troubledUntil = 0;
  readonly #isClustered: boolean;
  readonly #grey: GreyChecker;
  /** When a lease was renewed last, and the last time in which none was: it says nothing of any process. */
  #renewedAt = 0;
  #silence = { from: -Infinity, until: -Infinity };

  constructor(timeline: Timeline, violate: Violate, isClustered: boolean) {
    this.#timeline = timeline;
    this.#violate = violate;
    this.#isClustered = isClustered;
    this.#grey = new GreyChecker(violate);
  }

  // --- processes

  started(incarnation: Incarnation): void {
    this.#living.add(incarnation);
    this.troubled(0);
  }

  /** `isLost`: it has given itself up. Only the database can tell it that its name is over. */
  died(incarnation: Incarnation, isLost: boolean): void {
    this.#living.delete(incarnation);
    this.troubled(0);
    if (isLost && this.#beats.has(incarnation) && !this.#dead.has(incarnation))
      this.#violate(10, `${incarnation} gives itself up, and its lease lives`);
  }

  /** A fault hits nodes or the database. */
  troubled(ms: number): void {
    this.#troubledUntil = Math.max(this.#troubledUntil, this.#timeline.now + ms);
  }

  /** Something hinders the nodes, or has until a moment ago. */
  get isTroubled(): boolean {
    return this.#timeline.now <= this.#troubledUntil + GONE_MS;
  }

  /** A process that is over is in no view, and none that lives doubts itself without a reason. */
  audit(nodes: Iterable<AuditedNode>, silentMs: (process: Incarnation) => number): void {
    if (!this.#isClustered) return;
    const { now } = this.#timeline;
    const living = [...nodes].filter(({ isAlive }) => isAlive);
    for (const { owner, lostAt } of living)
      if (now > lostAt + ENDS_MS) this.#violate(10, `${owner} has read that it is dead, and goes on`);
    if (this.isTroubled) return this.#grey.troubled();
    for (const node of this.#view?.nodes ?? [])
      if (!this.#living.has(node)) this.#violate(17, `${node} is over, and still in the view`);
    for (const { owner, system } of living)
      if (isDoubtful(system)) this.#violate(17, `${owner} doubts itself without a reason`);
    const isHeard = (node: Incarnation): boolean => this.#unheardSince(node) === Infinity;
    const hasHomes = (node: Incarnation): boolean => this.#view?.nodes.includes(node) ?? false;
    this.#grey.audit(living, { silentMs, isHeard, hasHomes }, now);
  }

  // --- the database

  copy(): ClusterBook {
    return { view: this.#view, beats: new Map(this.#beats), dead: new Set(this.#dead) };
  }

  failOver({ view, beats, dead }: ClusterBook): void {
    this.#view = view;
    this.#beats = new Map(beats);
    this.#dead = new Set(dead);
    this.troubled(0);
  }

  committed(request: StoreRequest, reply: StoreReply): void {
    if (!this.#isClustered || !reply.ok) return;
    if (request.call === 'renew') this.#renewed(request, reply.value as StoreCalls['renew']['reply']);
    else if (request.call === 'declareDead') this.#declared(request.leases);
    else if (request.call === 'endLeases') this.#ended(request.leases);
    else if (request.call === 'changeView' && reply.value === true) this.#changed(request);
  }

  #renewed(
    { incarnation, isHeard = true }: StoreCalls['renew']['request'],
    { isHeld }: StoreCalls['renew']['reply'],
  ): void {
    if (!isHeld) return;
    if (this.#dead.has(incarnation))
      this.#violate(10, `the lease of ${incarnation} is renewed after its death`);
    const { now } = this.#timeline;
    const last = this.#beats.get(incarnation);
    const unheardSince = isHeard ? undefined : (last?.unheardSince ?? now);
    if (now - this.#renewedAt > LEASE_LIMITS.lifeMs) this.#silence = { from: this.#renewedAt, until: now };
    this.#renewedAt = now;
    const deniedSince = (isHeard && last?.unheardSince) || Infinity;
    if (deniedSince > this.#troubledUntil + GONE_MS) this.#grey.heardAfter(incarnation, now - deniedSince);
    const greyUntil = this.#isGrey(incarnation) ? now : (last?.greyUntil ?? -Infinity);
    this.#beats.set(incarnation, { beats: (last?.beats ?? -1) + 1, at: now, unheardSince, greyUntil });
  }

  #declared(leases: StoreCalls['declareDead']['request']['leases']): void {
    for (const { incarnation, beats } of leases) {
      const last = this.#beats.get(incarnation);
      if (!last || (beats ?? last.beats) !== last.beats || this.#dead.has(incarnation)) continue;
      this.#dead.add(incarnation);
      if (this.#living.has(incarnation) && beats !== null) this.#checkDeath(incarnation, last.at);
    }
  }

  /** While no process could beat, a missing beat proves nothing; and then each must have had the time for one. */
  #checkDeath(incarnation: Incarnation, beatAt: number): void {
    const { now } = this.#timeline;
    const { lifeMs, gapMs } = LEASE_LIMITS;
    const { from, until } = this.#silence;
    if (now - beatAt < lifeMs)
      this.#violate(17, `${incarnation} is declared dead ${(now - beatAt).toFixed()} ms after its last beat`);
    else if (from - beatAt < lifeMs && now - until < lifeMs - gapMs)
      this.#violate(17, `${incarnation} is declared dead for not beating while no process could`);
  }

  #ended(leases: StoreCalls['endLeases']['request']['leases']): void {
    for (const { incarnation, beats } of leases) {
      const last = this.#beats.get(incarnation);
      if (last && (beats ?? last.beats) === last.beats) this.#beats.delete(incarnation);
    }
  }

  #changed({ before, view }: StoreCalls['changeView']['request']): void {
    const known = this.#view;
    this.#view = view;
    if (before?.stamp !== known?.stamp)
      this.#violate(10, `view ${view.version} replaces one that its author has not seen`);
    if (known && view.version <= known.version)
      this.#violate(10, `view ${view.version} comes after ${known.version}`);
    if (known) this.#checkGivers(known, view);
  }

  /** A process that lives, and is heard, gives its shards itself. So one change takes from one of them at most. */
  #checkGivers(before: View, after: View): void {
    const givers = new Set<Incarnation>();
    for (const [shard, place] of before.shards.entries()) {
      const holder = before.nodes[place] as Incarnation;
      const isDead = this.#dead.has(holder) || !this.#beats.has(holder);
      const greyUntil = this.#beats.get(holder)?.greyUntil ?? -Infinity;
      const isOver = isDead || this.#isGrey(holder) || this.#timeline.now - greyUntil < STALE_MS;
      if (!isOver && after.nodes[after.shards[shard] as number] !== holder) givers.add(holder);
    }
    if (givers.size > 1)
      this.#violate(10, `view ${after.version} takes shards of ${[...givers].join(' and ')}, which live`);
  }

  #isGrey(process: Incarnation): boolean {
    return this.#timeline.now - this.#unheardSince(process) >= UNHEARD_MS;
  }

  #unheardSince(process: Incarnation): number {
    return this.#beats.get(process)?.unheardSince ?? Infinity;
  }

  /** A home claims where the view says that it lives. A rival of the simulator does not ask. */
  claimed({ owner, claims }: StoreCalls['claim']['request'], granted: StoreCalls['claim']['reply']): void {
    if (!this.#isClustered || owner.startsWith('rival.')) return;
    const own = claims.filter(({ channel }) => (granted.get(channel) ?? 'busy') !== 'busy');
    for (const { channel } of own) this.#checkClaim(owner, channel);
  }

  #checkClaim(owner: string, channel: Channel): void {
    const holder = this.#view ? ownerIn(this.#view, channel) : undefined;
    if (holder !== owner)
      this.#violate(10, `${owner} has claimed ${channel}, which the view gives to ${holder}`);
    else if (this.#dead.has(owner)) this.#violate(10, `${owner} is dead, and has claimed ${channel}`);
  }
}

function isDoubtful(system: ActorSystem): boolean {
  const cell = system.cell(LEASE);
  const states = cell?.state === undefined ? undefined : cell.behaviour.chartStates?.(cell.state);
  return states?.[0]?.state.name === 'suspect';
}
