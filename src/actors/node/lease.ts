import type { Behaviour, Lifecycle, ReplyTo, TimerFired, Answered, Turn } from '../../runtime/ports/actor.ts';
import type { StoreCalls, StoreReply, StoreRequest } from '../../runtime/ports/log-store.ts';
import type { Lease as LeaseRow } from '../../runtime/ports/leases.ts';
import type { LostReason } from '../../runtime/ports/effects.ts';
import type { Incarnation } from '../../runtime/ports/placement.ts';
import { explore, type ChartState } from '../kit/chart.ts';
import { HOME_KINDS, type HomeMessage } from '../messages/home.ts';
import type { RelayMessage } from '../messages/relay.ts';
import { Effects } from '../kit/effects.ts';
import { OVERLAP, SESSIONS, VIEW, type LeaseMessage } from '../messages/node.ts';
import { whyGiveWay } from './giving-way.ts';
import { leaseMachine } from './lease.machine.ts';
import { LEASE_LIMITS, type LeaseLimits } from './lease-limits.ts';
import { Peers, type PeerNews } from './peers.ts';
import { Hearing } from './unheard.ts';

export const leaseChart = explore(leaseMachine);

export interface LeaseOptions {
  readonly node: string;
  /** The incarnation whose lease it is. */
  readonly incarnation: Incarnation;
  readonly limits?: LeaseLimits;
  /** Set for a node of a cluster; `takesHomes` is false for an edge. */
  readonly cluster?: { readonly takesHomes: boolean } | undefined;
}

type Renewal = StoreCalls['renew']['reply'];

type UnderWay =
  | { readonly for: 'renewal'; readonly sentAt: number }
  | { readonly for: 'forgotten' | 'accusation' }
  | { readonly for: 'release' };

/**
 * The process's lease (D11): a row of its own in the database, to which every renewal adds a beat, and the look at the
 * rows of all others that comes with it. It reports peers, and a database that is not the one it was, to the actors
 * that need to know.
 *
 * - It calls the store itself: no breaker and no queue of the log holds a renewal back.
 * - What it costs is one statement every 0.7 s, and one more in 15 s while there is something to remove.
 */
class Lease {
  state: ChartState = leaseChart.initial;
  readonly #options: LeaseOptions;
  readonly #limits: LeaseLimits;
  readonly #peers: Peers;
  readonly #underWay = new Map<number, UnderWay>();
  #lastCall = 0;
  /** An earlier generation saw a timeline, and this one cannot say which. */
  readonly #hasForgotten: boolean;
  #timeline: string | undefined;
  /** The database's time when it last showed no other process. */
  #aloneAt: number | null = null;
  #forgotAt = -Infinity;
  #releasers: ReplyTo[] = [];
  #takesHomes: boolean;
  readonly #hearing: Hearing;
  /** When the renewal that was confirmed last had been sent. */
  #confirmedAt = 0;

  constructor(options: LeaseOptions, hearing: Hearing, hasForgotten: boolean) {
    this.#options = options;
    this.#hearing = hearing;
    this.#hasForgotten = hasForgotten;
    this.#limits = options.limits ?? LEASE_LIMITS;
    this.#peers = new Peers(this.#limits);
    this.#takesHomes = options.cluster?.takesHomes ?? false;
  }

  take(message: LeaseMessage | TimerFired | Answered, turn: Turn): Effects {
    const out = new Effects();
    switch (message.type) {
      case 'start':
      case 'answer':
        break;
      case 'sayPeers':
        this.#tellPeers(out);
        break;
      case 'takeNoHomes':
        this.#takesHomes = false;
        break;
      case 'heard':
        this.#hearing.note(message.isHeard, turn.now);
        this.#tellPeers(out);
        break;
      case 'release':
        this.#release(turn, out);
        break;
      case 'timer':
        if (message.timer === 'renew') this.renew(turn, out);
        else this.#fire(message.timer, turn, out);
        break;
      case 'storeReplied':
        this.#replied(message.call, message.reply, turn, out);
        break;
    }
    return out;
  }

  renew(turn: Turn, out: Effects): void {
    if (this.state.isFinal) return;
    const { node, incarnation } = this.#options;
    // In a cluster a name that is over must not come back: an earlier generation may have had the lease, and lost it.
    const mayBeOver = this.#options.cluster !== undefined && this.#hasForgotten;
    const mode = this.state.phase === 'connecting' && !mayBeOver ? 'take' : 'renew';
    const says = { takesHomes: this.#takesHomes, isHeard: this.#hearing.says(turn.now) };
    const request = { call: 'renew', incarnation, node, mode, ...says } as const;
    this.#call(request, { for: 'renewal', sentAt: turn.now }, out);
    out.arm('renew', this.#limits.renewMs);
  }

  #call(request: StoreRequest, underWay: UnderWay, out: Effects): void {
    const call = ++this.#lastCall;
    this.#underWay.set(call, underWay);
    out.add({ type: 'store', call, request, deadlineMs: this.#limits.deadlineMs });
  }

  #replied(call: number, reply: StoreReply, turn: Turn, out: Effects): void {
    const underWay = this.#underWay.get(call);
    this.#underWay.delete(call);
    if (underWay?.for === 'release') for (const asker of this.#releasers.splice(0)) out.reply(asker, {});
    if (underWay?.for !== 'renewal' || this.state.isFinal) return;
    // A database in recovery is a copy that may be behind: it does not show how others are now.
    const renewal = reply.ok ? (reply.value as Renewal) : undefined;
    if (!renewal || renewal.isInRecovery) return out.count('lease_failed');
    out.count(renewal.isHeld ? 'lease_confirmed' : 'lease_lost');
    if (!renewal.isHeld) return this.#fire('lost', turn, out);
    this.#confirmedAt = Math.max(this.#confirmedAt, underWay.sentAt);
    this.#fire('confirmed', turn, out);
    this.#lookAtTimeline(renewal, call, out);
    this.#lookAround(renewal, underWay.sentAt, turn, out);
  }

  /**
   * While the first renewals fail, actors may use the log, and the database may fail over. Only the very first renewal, if
   * no second one has been necessary, is earlier than anything they read.
   */
  #lookAtTimeline({ timeline }: Renewal, call: number, out: Effects): void {
    const before = this.#timeline;
    if (timeline === null || timeline === before) return;
    this.#timeline = timeline;
    const isFirst = call === 1 && this.#lastCall === 1 && !this.#hasForgotten;
    if (before === undefined && isFirst) return;
    if (before !== undefined) {
      const details = { timeline, before };
      out.add({ type: 'log', level: 'warn', event: 'database on another timeline', details });
    }
    const message: RelayMessage & HomeMessage = { type: 'timelineChanged' };
    for (const kind of [...HOME_KINDS, 'relay']) out.add({ type: 'tellLocalKind', kind, message });
  }

  #lookAround({ leases, at, view, losses }: Renewal, sentAt: number, turn: Turn, out: Effects): void {
    const before = this.#peers.alive;
    const hasChanged = this.#peers.look({ leases, sentAt, now: turn.now });
    const { alive, news } = this.#peers;
    for (const one of news) this.#report(one, out);
    if (hasChanged) {
      this.#tellPeers(out);
      const nodes = (peers: typeof alive): string[] => peers.map(({ incarnation }) => incarnation);
      const details = { now: nodes(alive), before: nodes(before) };
      out.add({ type: 'log', level: 'info', event: 'processes beside this one', details });
    }
    if (this.#options.cluster) {
      const reason = whyGiveWay(this.#options, leases, (peer) => this.#peers.surelyLives(peer));
      if (reason) return this.#giveWay(reason, turn, out);
      this.#accuse(leases, out);
      const own = { isHeard: this.#hearing.says(turn.now), isReached: this.#hearing.isHeard };
      out.tell(VIEW, { type: 'looked', leases, ...own, view });
      out.tell(SESSIONS, { type: 'newestLoss', number: losses });
    }
    if (alive.length === 0) this.#aloneAt = at;
    const forgotten = this.#peers.forgotten(sentAt);
    if (forgotten.length === 0 || turn.now - this.#forgotAt < this.#limits.forgetEveryMs) return;
    this.#forgotAt = turn.now;
    this.#call({ call: 'endLeases', leases: forgotten }, { for: 'forgotten' }, out);
  }

  #report({ incarnation, phase }: PeerNews, out: Effects): void {
    out.count(`node_${phase}`);
    const level = phase === 'alive' ? 'info' : 'warn';
    out.add({ type: 'log', level, event: `another node is ${phase}`, details: { incarnation } });
  }

  #giveWay(reason: LostReason, turn: Turn, out: Effects): void {
    const { node } = this.#options;
    out.add({
      type: 'log',
      level: 'error',
      event: 'this node gives way to an older one',
      details: { node, reason },
    });
    this.#fire('released', turn, out);
    out.add({ type: 'lost', reason });
  }

  /** A node that sees another one stop beating says so in the database, where it counts for all nodes (D11). */
  #accuse(leases: readonly LeaseRow[], out: Effects): void {
    const silent = leases.filter(
      ({ incarnation, isDead }) =>
        !isDead && !this.#peers.alive.some((peer) => peer.incarnation === incarnation),
    );
    if (silent.length === 0) return;
    const request = {
      call: 'declareDead',
      leases: silent.map(({ incarnation, beats }) => ({ incarnation, beats })),
    } as const;
    this.#call(request, { for: 'accusation' }, out);
  }

  /** Others of the cluster say what they store, while this node hears them. */
  #tellPeers(out: Effects): void {
    const peers = this.#options.cluster && this.#hearing.isHeard ? [] : this.#peers.alive;
    out.tell(OVERLAP, { type: 'peersChanged', peers, aloneAt: this.#aloneAt });
  }

  #release(turn: Turn, out: Effects): void {
    if (turn.replyTo) this.#releasers.push(turn.replyTo);
    if (!this.state.isFinal) return this.#fire('released', turn, out);
    const isUnderWay = [...this.#underWay.values()].some((call) => call.for === 'release');
    if (!isUnderWay) for (const asker of this.#releasers.splice(0)) out.reply(asker, {});
  }

  #fire(event: string, turn: Turn, out: Effects): void {
    const edge = this.state.edges[event];
    if (!edge?.isHandled) return;
    this.state = edge.to;
    for (const effect of edge.effects) {
      if (effect.type === 'arm') out.arm(effect.timer, this.#doubtMs(turn.now));
      else if (effect.type === 'disarm') out.disarm(effect.timer);
      else if (effect.action === 'tellDoubtful') this.#tellDoubtful(out);
      else if (effect.action === 'tellLost') this.#tellLost(out);
      else if (effect.action === 'giveBack') this.#giveBack(out);
    }
  }

  /** Counted from when the confirmed renewal had been sent: others cannot have seen it earlier. */
  #doubtMs(now: number): number {
    const { lifeMs, doubtMarginMs } = this.#limits;
    return lifeMs - doubtMarginMs - (now - this.#confirmedAt);
  }

  #tellDoubtful(out: Effects): void {
    if (this.#options.cluster) out.tell(VIEW, { type: 'doubtful' });
  }

  /**
   * This process stood still for so long that others declared it dead, or cleared its row away. In a cluster its channels have
   * other homes, and its name is over.
   */
  #tellLost(out: Effects): void {
    if (this.#options.cluster) {
      out.disarm('renew');
      out.add({ type: 'lost', reason: 'declared_dead' });
    }
    out.add({
      type: 'log',
      level: 'warn',
      event: 'lease lost',
      details: { incarnation: this.#options.incarnation },
    });
  }

  #giveBack(out: Effects): void {
    out.disarm('renew');
    const leases = [{ incarnation: this.#options.incarnation, beats: null }];
    // Other nodes of a cluster must see that it has been there, and is not any more, however short its life was.
    const call = this.#options.cluster ? 'declareDead' : 'endLeases';
    this.#call({ call, leases }, { for: 'release' }, out);
  }
}

export function leaseBehaviour(options: LeaseOptions): Behaviour<Lease, LeaseMessage> {
  const { renewMs, deadlineMs, lifeMs } = options.limits ?? LEASE_LIMITS;
  if (3 * renewMs + deadlineMs > lifeMs)
    throw new Error(`a lease of ${lifeMs} ms is too short for renewals every ${renewMs} ms`);
  // The bus reports changes only, so what it said last stays true when this actor crashes: it outlives it.
  const hearing = new Hearing();
  return {
    kind: 'lease',
    mailboxMax: 64,
    supervision: 'restart',
    placement: 'node',
    start: ({ restarted }, turn) => {
      const lease = new Lease(options, hearing, restarted);
      const out = new Effects();
      lease.renew(turn, out);
      return [lease, out.effects];
    },
    step: (lease, message, turn) => lease.take(message, turn).effects,
    chartStates: (lease): readonly Lifecycle[] => [{ chart: 'lease', state: lease.state }],
  };
}
