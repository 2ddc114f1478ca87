import type { Answered, Behaviour, Effect, Lifecycle, TimerFired, Turn } from '../../runtime/ports/actor.ts';
import type { StoreCalls, StoreReply, StoreRequest } from '../../runtime/ports/log-store.ts';
import type { Incarnation } from '../../runtime/ports/placement.ts';
import type { ChartEffect } from '../kit/chart.ts';
import { HOME_KINDS, type HomeMessage } from '../messages/home.ts';
import type { LogMessage, LogStatus } from '../messages/log.ts';
import { STORE_FEATURES } from '../messages/connection.ts';
import { Effects } from '../kit/effects.ts';
import { Appends } from './appends.ts';
import { Breaker, type BreakerLimits } from './breaker.ts';
import { SerialQueue } from './serial-queue.ts';
import { Claims } from './claims.ts';
import { GroupCommit, type CommitLimits } from './group-commit.ts';
import type { StoreCall, StoreQueue } from './store-queue.ts';
import { Pages, type PagesLimits } from './pages.ts';
import { PrivateRooms } from './private-rooms.ts';
import { bansRead, headsRead, membershipRead, placesRead, revocationsRead, roomsRead } from './reads.ts';

export interface LogOptions {
  /** The incarnation of this node, which claims and appends (D7). */
  readonly incarnation: Incarnation;
  readonly limits: LogLimits;
  readonly commit?: CommitLimits;
  readonly breaker?: BreakerLimits;
}

/** How much of each kind is under way at once, and for how long. */
export interface LogLimits extends PagesLimits {
  readonly appendsInFlight: number;
  readonly callsInFlight: number;
  /** The store stops a statement before the caller stops waiting for it (D8). */
  readonly writeDeadlineMs: number;
  readonly readDeadlineMs: number;
}

export const LOG_LIMITS: LogLimits = {
  appendsInFlight: 2,
  pagesInFlight: 8,
  userPagesInFlight: 4,
  userPagesWaiting: 64,
  readBytesPerSecond: 2 * 1024 * 1024,
  callsInFlight: 4,
  waitingMax: 4_096,
  writeDeadlineMs: 4_000,
  readDeadlineMs: 3_000,
};

/** Lists of rooms under way at once. */
const LISTS_IN_FLIGHT = 2;

/** Failures of the store are logged once in this time: an outage fails everything at once. */
const COMPLAINT_MS = 1_000;

interface InFlight {
  /** Undefined: the breaker's own probe. */
  readonly queue: StoreQueue | undefined;
  readonly storeCall: StoreCall;
}

/** The node's one way to the store: few calls of many appends, claims and reads, within bounds, and the breaker. */
class Log {
  readonly #options: LogOptions;
  readonly #privateRooms: PrivateRooms;
  readonly #breaker: Breaker;
  readonly #appends: Appends;
  readonly #claims: Claims;
  readonly #pages: Pages;
  readonly #calls: SerialQueue;
  readonly #lists: SerialQueue;
  readonly #heads = headsRead();
  readonly #places = placesRead();
  readonly #rooms = roomsRead();
  readonly #membership = membershipRead();
  readonly #bans = bansRead();
  readonly #revocations = revocationsRead();
  /** The queues, in the order in which they get the store. */
  readonly #queues: readonly StoreQueue[];
  readonly #inFlight = new Map<number, InFlight>();
  readonly #underWay = new Map<StoreQueue | undefined, number>();
  #lastCall = 0;
  #isFlushing = false;
  #complainedAt = -Infinity;

  constructor(options: LogOptions, privateRooms: PrivateRooms, hasForgotten: boolean) {
    const { incarnation } = options;
    const { appendsInFlight, callsInFlight, waitingMax } = options.limits;
    this.#options = options;
    this.#privateRooms = privateRooms;
    this.#breaker = new Breaker(options.breaker);
    this.#appends = new Appends(incarnation, appendsInFlight, new GroupCommit(options.commit, hasForgotten));
    this.#claims = new Claims(incarnation, (channel, epoch) => this.#appends.claimed(channel, epoch));
    this.#pages = new Pages(options.limits);
    this.#calls = new SerialQueue({ inFlightMax: callsInFlight, waitingMax, isWrite: true });
    // Lists of rooms may not hold up a revocation.
    this.#lists = new SerialQueue({ inFlightMax: LISTS_IN_FLIGHT, waitingMax, isWrite: false });
    this.#queues = [
      this.#appends,
      this.#claims,
      ...this.#claims.others,
      this.#heads,
      this.#places,
      this.#rooms,
      this.#membership,
      this.#bans,
      this.#pages,
      this.#calls,
      this.#revocations,
      this.#lists,
    ];
  }

  take(message: LogMessage | TimerFired | Answered, turn: Turn): Effects {
    const out = new Effects();
    this.#take(message, turn, out);
    if (this.#breaker.isOpen) this.#refuseAll(out);
    else if (message.type === 'flush' || message.type === 'storeReplied' || message.type === 'timer')
      this.#pump(out);
    else this.#flushSoon(out);
    return out;
  }

  #take(message: LogMessage | TimerFired | Answered, turn: Turn, out: Effects): void {
    switch (message.type) {
      case 'append':
        return this.#appends.add(message, out);
      case 'claim':
        return this.#claims.add(message, turn.replyTo);
      case 'head':
        return this.#heads.add(message.channel, message.channel, turn.replyTo);
      case 'place': {
        const { channel, seq } = message;
        return this.#places.add(`${channel} ${seq}`, { channel, seq }, turn.replyTo);
      }
      case 'room':
        return this.#rooms.add(message.room, message.room, turn.replyTo);
      case 'membership':
      case 'banned': {
        const { room, user } = message;
        const read = message.type === 'banned' ? this.#bans : this.#membership;
        return read.add(`${room} ${user}`, { room, user }, turn.replyTo);
      }
      case 'standing':
        return this.#revocations.add(JSON.stringify(message.key), message.key, turn.replyTo);
      case 'page': {
        const { type: _, ...request } = message;
        return this.#pages.add(request, turn.replyTo, turn.now, out);
      }
      case 'call':
        return this.#queueOf(message.request).add(message.request, turn.replyTo, out);
      case 'storeReplied':
        return this.#settle(message.call, message.reply, turn.now, out);
      case 'flush':
        this.#isFlushing = false;
        return;
      case 'status':
        return out.reply(turn.replyTo, this.#status);
      case 'timer':
        return message.timer === 'busy'
          ? this.#appends.goOn()
          : this.#apply(this.#breaker.fire(message.timer), out);
      case 'answer':
        return;
    }
  }

  #queueOf({ call }: StoreRequest): SerialQueue {
    return call === 'listRooms' ? this.#lists : this.#calls;
  }

  chartStates(): readonly Lifecycle[] {
    return [{ chart: 'breaker', state: this.#breaker.state }];
  }

  get #status(): LogStatus {
    const appends = this.#appends.waiting + (this.#underWay.get(this.#appends) ?? 0);
    return { isStoreUp: !this.#breaker.isOpen, appends };
  }

  /** New work waits until all actors of this slice have run: then it is one statement. */
  #flushSoon(out: Effects): void {
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    out.add({ type: 'afterQueue', message: { type: 'flush' } });
  }

  #pump(out: Effects): void {
    for (const queue of this.#queues) {
      while (this.#mayStart(queue)) {
        const storeCall = queue.next();
        if (!storeCall) break;
        this.#start({ queue, storeCall }, out);
      }
    }
  }

  /** Half open, one call at all is let through: the trial. */
  #mayStart(queue: StoreQueue): boolean {
    if (this.#breaker.isHalfOpen) return this.#inFlight.size === (this.#underWay.get(undefined) ?? 0);
    return (this.#underWay.get(queue) ?? 0) < queue.inFlightMax;
  }

  #start(inFlight: InFlight, out: Effects): void {
    const { writeDeadlineMs, readDeadlineMs } = this.#options.limits;
    const { queue, storeCall } = inFlight;
    const call = ++this.#lastCall;
    this.#inFlight.set(call, inFlight);
    this.#underWay.set(queue, (this.#underWay.get(queue) ?? 0) + 1);
    const deadlineMs = queue?.isWrite ? writeDeadlineMs : readDeadlineMs;
    out.add({ type: 'store', call, request: storeCall.request, deadlineMs });
  }

  #settle(call: number, reply: StoreReply, now: number, out: Effects): void {
    const inFlight = this.#inFlight.get(call);
    if (!inFlight) return;
    const { queue, storeCall } = inFlight;
    this.#inFlight.delete(call);
    this.#underWay.set(queue, (this.#underWay.get(queue) ?? 0) - 1);
    out.check('calls_under_way', (this.#underWay.get(queue) ?? 0) >= 0);
    if (queue) {
      if (!reply.ok) this.#complain(reply.message, now, out);
      this.#apply(this.#breaker.record(isSound(storeCall, reply), now), out);
    }
    this.#appends.heard(storeCall.request, reply);
    storeCall.settle(this.#privateRooms.heard(storeCall.request, reply), out);
  }

  #complain(message: string, now: number, out: Effects): void {
    out.count('store_failures');
    if (now - this.#complainedAt < COMPLAINT_MS) return;
    this.#complainedAt = now;
    out.add({ type: 'log', level: 'warn', event: 'store call failed', details: { message } });
  }

  // --- breaker

  /** Refuses all that is not under way, nor behind an append of its own channel that is. */
  #refuseAll(out: Effects): void {
    for (const queue of this.#queues) queue.refuseAll(out);
  }

  #apply(effects: readonly ChartEffect[], out: Effects): void {
    for (const effect of effects) {
      if (effect.type === 'arm') out.arm(effect.timer, this.#breaker.delayMs(effect.timer));
      if (effect.type === 'disarm') out.disarm(effect.timer);
      if (effect.type !== 'do') continue;
      if (effect.action === 'probe') this.#probe(out);
      else this.#tellOfBreaker(effect.action === 'tellOpen', out);
    }
  }

  #probe(out: Effects): void {
    const settle = (reply: StoreReply, later: Effects): void =>
      this.#apply(this.#breaker.fire(reply.ok ? 'probeSucceeded' : 'probeFailed'), later);
    this.#start({ queue: undefined, storeCall: { request: { call: 'ping' }, settle } }, out);
  }

  #tellOfBreaker(isOpen: boolean, out: Effects): void {
    const [level, event] = isOpen
      ? (['error', 'store unreachable'] as const)
      : (['info', 'store back'] as const);
    out.count(isOpen ? 'breaker_opened' : 'breaker_closed');
    out.add({ type: 'log', level, event, details: {} });
    if (!isOpen) for (const kind of HOME_KINDS) out.add(tellHomes(kind, 'storeBack'));
    const message = { type: 'degraded', among: STORE_FEATURES, features: isOpen ? STORE_FEATURES : [] };
    out.add({ type: 'tellLocalKind', kind: 'conn', message });
  }
}

/** Whether a call counts as a success for the breaker. */
function isSound(storeCall: StoreCall, reply: StoreReply): boolean {
  // A refusal says nothing about the health of the store.
  if (!reply.ok) return reply.failure === 'refused';
  if (storeCall.request.call !== 'append') return true;
  const outcomes = reply.value as StoreCalls['append']['reply'];
  return !outcomes.some(({ type }) => type === 'failed' || type === 'unknown');
}

function tellHomes(kind: string, type: 'logRestarted' | 'storeBack'): Effect {
  return { type: 'tellLocalKind', kind, message: { type } satisfies HomeMessage };
}

export function logBehaviour(options: LogOptions): Behaviour<Log, LogMessage> {
  // Knowledge about the store stays true when this actor crashes: it outlives it.
  const privateRooms = new PrivateRooms();
  return {
    kind: 'log',
    // Each asker is bounded itself; this is the sum over many.
    mailboxMax: 65_536,
    supervision: 'restart',
    placement: 'node',
    // Homes whose appends an earlier generation held will not hear of them any more.
    start: ({ restarted }) => [
      new Log(options, privateRooms, restarted),
      restarted ? HOME_KINDS.map((kind) => tellHomes(kind, 'logRestarted')) : [],
    ],
    step: (log, message, turn) => log.take(message, turn).effects,
    chartStates: (log) => log.chartStates(),
  };
}
