import type { Answered, Behaviour, Effect, Life, TimerFired, Turn } from '../../runtime/ports/actor.ts';
import type { StoreCalls, StoreReply, StoreRequest } from '../../runtime/ports/log-store.ts';
import type { Incarnation } from '../../runtime/ports/placement.ts';
import type { ChartEffect } from '../chart.ts';
import { HOME_KINDS, type HomeMessage, type LogMessage, type LogStatus } from '../messages.ts';
import { Outbox } from '../outbox.ts';
import { Appends } from './appends.ts';
import { Breaker, type BreakerLimits } from './breaker.ts';
import { Calls } from './calls.ts';
import { Claims } from './claims.ts';
import { GroupCommit, type CommitLimits } from './group-commit.ts';
import type { Job, Line } from './line.ts';
import { Pages, type PagesLimits } from './pages.ts';
import { PrivateRooms } from './private-rooms.ts';
import { bansRead, headsRead, membershipRead, placesRead, revocationsRead, roomsRead } from './reads.ts';

export interface LogOptions {
  /** This life of this node: who claims and appends (D7). */
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
  readonly line: Line | undefined;
  readonly job: Job;
}

/**
 * The node's one way to the store: gathers appends, claims and reads into few calls,
 * bounds what is under way, and keeps the breaker.
 */
class Log {
  readonly #options: LogOptions;
  readonly #privateRooms: PrivateRooms;
  readonly #breaker: Breaker;
  readonly #appends: Appends;
  readonly #claims: Claims;
  readonly #pages: Pages;
  readonly #calls: Calls;
  readonly #lists: Calls;
  readonly #heads = headsRead();
  readonly #places = placesRead();
  readonly #rooms = roomsRead();
  readonly #membership = membershipRead();
  readonly #bans = bansRead();
  readonly #revocations = revocationsRead();
  /** In the order in which they are given the store. */
  readonly #lines: readonly Line[];
  readonly #inFlight = new Map<number, InFlight>();
  readonly #underWay = new Map<Line | undefined, number>();
  #lastCall = 0;
  #isFlushing = false;
  #complainedAt = -Infinity;

  constructor(options: LogOptions, privateRooms: PrivateRooms, hasForgotten: boolean) {
    const { incarnation } = options;
    const { appendsInFlight, callsInFlight, waitingMax } = options.limits;
    this.#options = options;
    this.#privateRooms = privateRooms;
    this.#breaker = new Breaker(options.breaker);
    const commits = new GroupCommit(options.commit, hasForgotten);
    this.#appends = new Appends(incarnation, appendsInFlight, commits);
    this.#claims = new Claims(incarnation, (channel, epoch) => this.#appends.claimed(channel, epoch));
    this.#pages = new Pages(options.limits);
    this.#calls = new Calls({ inFlightMax: callsInFlight, waitingMax, isWrite: true });
    // Whoever lists rooms may not hold up a revocation.
    this.#lists = new Calls({ inFlightMax: LISTS_IN_FLIGHT, waitingMax, isWrite: false });
    this.#lines = [
      this.#appends,
      this.#claims,
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

  take(message: LogMessage | TimerFired | Answered, turn: Turn): Outbox {
    const out = new Outbox();
    this.#take(message, turn, out);
    if (this.#breaker.isOpen) this.#refuseAll(out);
    else if (message.type === 'flush' || message.type === 'storeReplied' || message.type === 'timer')
      this.#pump(out);
    else this.#flushSoon(out);
    return out;
  }

  #take(message: LogMessage | TimerFired | Answered, turn: Turn, out: Outbox): void {
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
        return this.#lineOf(message.request).add(message.request, turn.replyTo, out);
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

  #lineOf({ call }: StoreRequest): Calls {
    return call === 'listRooms' ? this.#lists : this.#calls;
  }

  lives(): readonly Life[] {
    return [{ chart: 'breaker', state: this.#breaker.life }];
  }

  get #status(): LogStatus {
    const appends = this.#appends.waiting + (this.#underWay.get(this.#appends) ?? 0);
    return { isStoreUp: !this.#breaker.isOpen, appends };
  }

  /** New work waits until everyone who runs in this slice has said what he wants: then it is one statement. */
  #flushSoon(out: Outbox): void {
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    out.add({ type: 'soon', message: { type: 'flush' } });
  }

  #pump(out: Outbox): void {
    for (const line of this.#lines) {
      while (this.#mayStart(line)) {
        const job = line.next();
        if (!job) break;
        this.#start({ line, job }, out);
      }
    }
  }

  /** Half open, one call at all is let through: the trial. */
  #mayStart(line: Line): boolean {
    if (this.#breaker.isHalfOpen) return this.#inFlight.size === (this.#underWay.get(undefined) ?? 0);
    return (this.#underWay.get(line) ?? 0) < line.inFlightMax;
  }

  #start(inFlight: InFlight, out: Outbox): void {
    const { writeDeadlineMs, readDeadlineMs } = this.#options.limits;
    const { line, job } = inFlight;
    const call = ++this.#lastCall;
    this.#inFlight.set(call, inFlight);
    this.#underWay.set(line, (this.#underWay.get(line) ?? 0) + 1);
    const deadlineMs = line?.isWrite ? writeDeadlineMs : readDeadlineMs;
    out.add({ type: 'store', call, request: job.request, deadlineMs });
  }

  #settle(call: number, reply: StoreReply, now: number, out: Outbox): void {
    const inFlight = this.#inFlight.get(call);
    if (!inFlight) return;
    const { line, job } = inFlight;
    this.#inFlight.delete(call);
    this.#underWay.set(line, (this.#underWay.get(line) ?? 0) - 1);
    if (line) {
      if (!reply.ok) this.#complain(reply.message, now, out);
      this.#apply(this.#breaker.record(isSound(job, reply), now), out);
    }
    job.settle(this.#privateRooms.heard(job.request, reply), out);
  }

  #complain(message: string, now: number, out: Outbox): void {
    out.count('store_failures');
    if (now - this.#complainedAt < COMPLAINT_MS) return;
    this.#complainedAt = now;
    out.add({ type: 'log', level: 'warn', event: 'store call failed', details: { message } });
  }

  // --- breaker

  /** Whatever is not under way, or behind something of its own channel that is. */
  #refuseAll(out: Outbox): void {
    for (const line of this.#lines) line.refuseAll(out);
  }

  #apply(effects: readonly ChartEffect[], out: Outbox): void {
    for (const effect of effects) {
      if (effect.type === 'arm') out.arm(effect.timer, this.#breaker.delayMs(effect.timer));
      if (effect.type === 'disarm') out.disarm(effect.timer);
      if (effect.type !== 'do') continue;
      if (effect.action === 'probe') this.#probe(out);
      else this.#tellOfBreaker(effect.action === 'tellOpen', out);
    }
  }

  #probe(out: Outbox): void {
    const settle = (reply: StoreReply, later: Outbox): void =>
      this.#apply(this.#breaker.fire(reply.ok ? 'probeSucceeded' : 'probeFailed'), later);
    this.#start({ line: undefined, job: { request: { call: 'ping' }, settle } }, out);
  }

  #tellOfBreaker(isOpen: boolean, out: Outbox): void {
    const [level, event] = isOpen
      ? (['error', 'store unreachable'] as const)
      : (['info', 'store back'] as const);
    out.count(isOpen ? 'breaker_opened' : 'breaker_closed');
    out.add({ type: 'log', level, event, details: {} });
    if (!isOpen) for (const kind of HOME_KINDS) out.add(tellHomes(kind, 'storeBack'));
    const features = isOpen ? ['chat', 'history'] : [];
    out.add({ type: 'tellAll', kind: 'conn', message: { type: 'degraded', features } });
  }
}

/** Whether a call counts as a success for the breaker. */
function isSound(job: Job, reply: StoreReply): boolean {
  // What it does not take says nothing about how it is.
  if (!reply.ok) return reply.failure === 'refused';
  if (job.request.call !== 'append') return true;
  const outcomes = reply.value as StoreCalls['append']['reply'];
  return !outcomes.some((group) => group.some(({ type }) => type === 'failed' || type === 'unknown'));
}

function tellHomes(kind: string, type: 'logRestarted' | 'storeBack'): Effect {
  return { type: 'tellAll', kind, message: { type } satisfies HomeMessage };
}

export function logBehaviour(options: LogOptions): Behaviour<Log, LogMessage> {
  // What was heard of the store is true whatever becomes of who heard it: it outlives a crash.
  const privateRooms = new PrivateRooms();
  return {
    kind: 'log',
    // Who asks it is bounded himself; this is the sum over many.
    mailboxMax: 65_536,
    supervision: 'restart',
    placement: 'node',
    // Homes whose appends an earlier life held will not hear of them any more.
    start: ({ restarted }) => [
      new Log(options, privateRooms, restarted),
      restarted ? HOME_KINDS.map((kind) => tellHomes(kind, 'logRestarted')) : [],
    ],
    step: (log, message, turn) => log.take(message, turn).effects,
    lives: (log) => log.lives(),
  };
}
