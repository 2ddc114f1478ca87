import { utf8Bytes } from '../../protocol/size.ts';
import type { ReplyTo } from '../../runtime/ports/actor.ts';
import type { StoreCalls, StoreReply } from '../../runtime/ports/log-store.ts';
import type { PageRequest, ReadLimited } from '../messages/log.ts';
import type { Effects } from '../kit/effects.ts';
import { FairQueue } from './fair-queue.ts';
import { answer, FAILED, type StoreCall, type StoreQueue } from './store-queue.ts';
import { PAGE_BYTES_MIN, ReadBudget } from './read-budget.ts';

export interface PagesLimits {
  readonly pagesInFlight: number;
  /** Pages of these that are for users; the rest is for messages that live traffic lacks. */
  readonly userPagesInFlight: number;
  /** Pages that may wait; one more fails at once. */
  readonly waitingMax: number;
  /** Pages of one user that may wait. */
  readonly userPagesWaiting: number;
  /** Bytes read for a user in a second, 8 times as many at once; 0: no limit (LM14). */
  readonly readBytesPerSecond: number;
}

interface Asker {
  readonly replyTo: ReplyTo | undefined;
  readonly by: string | null;
}

interface Waiting {
  readonly key: string;
  readonly request: Omit<PageRequest, 'by'>;
  readonly by: string | null;
  readonly askers: Asker[];
}

/** A user who has too much waiting may ask again after this. */
const CROWDED_MS = 1_000;

/**
 * Reads of pages, a few at a time; askers of the same page share one read (D10).
 *
 * - Pages that live traffic lacks go first. Pages for users go in turn, user by user, by their bytes, and never take
 *   all ways to the store (LM14).
 * - Each user pays for their pages, shared or not. A user who has read too much gets the time when there will be more:
 *   nothing waits here for that.
 */
export class Pages implements StoreQueue {
  readonly inFlightMax: number;
  readonly isWrite = false;
  readonly #limits: PagesLimits;
  readonly #budget: ReadBudget;
  #live: Waiting[] = [];
  readonly #users = new FairQueue<Waiting>();
  #usersInFlight = 0;
  readonly #sharers = new Map<string, Asker[]>();

  constructor(limits: PagesLimits) {
    this.inFlightMax = limits.pagesInFlight;
    this.#limits = limits;
    this.#budget = new ReadBudget(limits.readBytesPerSecond);
  }

  add({ by, ...request }: PageRequest, replyTo: ReplyTo | undefined, now: number, out: Effects): void {
    const key = JSON.stringify(request);
    const sharers = this.#sharers.get(key);
    const isFull = this.#live.length + this.#users.size >= this.#limits.waitingMax;
    if (!sharers && isFull) return answer(out, [replyTo], FAILED);
    const retryAfterMs = by === null ? 0 : this.#take(by, request.bytesMax, now, sharers !== undefined);
    if (retryAfterMs > 0) {
      out.count('limited_reads');
      return out.reply(replyTo, { ok: false, failure: 'limited', retryAfterMs } satisfies ReadLimited);
    }
    if (sharers) return void sharers.push({ replyTo, by });
    const waiting: Waiting = { key, request, by, askers: [{ replyTo, by }] };
    this.#sharers.set(key, waiting.askers);
    if (by === null) this.#live.push(waiting);
    else this.#users.add(by, waiting);
  }

  #take(user: string, bytes: number, now: number, isShared: boolean): number {
    const isCrowded = !isShared && this.#users.waitingOf(user) >= this.#limits.userPagesWaiting;
    return isCrowded ? CROWDED_MS : this.#budget.take(user, bytes, now);
  }

  next(): StoreCall | undefined {
    const waiting = this.#live.shift() ?? this.#nextOfUsers();
    if (!waiting) return undefined;
    const { key, request, by, askers } = waiting;
    // A read under way may be too old for a new asker, unless it ends at a seq that both knew.
    const isBounded =
      request.start !== 'newest' && 'after' in request.start && request.start.upTo !== undefined;
    if (!isBounded) this.#sharers.delete(key);
    if (by !== null) this.#usersInFlight++;
    return {
      request: { call: 'page', ...request },
      settle: (reply, out) => {
        if (this.#sharers.get(key) === askers) this.#sharers.delete(key);
        if (by !== null) this.#usersInFlight--;
        out.check('calls_under_way', this.#usersInFlight >= 0);
        const unused = request.bytesMax - bytesOf(reply);
        if (by !== null) this.#users.putRight(by, unused);
        this.#settle(askers, unused);
        answer(out, replyTos(askers), reply);
      },
    };
  }

  #nextOfUsers(): Waiting | undefined {
    if (this.#usersInFlight >= this.#limits.userPagesInFlight) return undefined;
    return this.#users.next(({ request }) => request.bytesMax);
  }

  #settle(askers: readonly Asker[], unused: number): void {
    for (const { by } of askers) if (by !== null) this.#budget.giveBack(by, unused);
  }

  refuseAll(out: Effects): void {
    for (const { key, request, askers } of [...this.#live, ...this.#users.drain()]) {
      this.#sharers.delete(key);
      this.#settle(askers, request.bytesMax);
      answer(out, replyTos(askers), FAILED);
    }
    this.#live = [];
  }
}

function replyTos(askers: readonly Asker[]): readonly (ReplyTo | undefined)[] {
  return askers.map(({ replyTo }) => replyTo);
}

/** The cost of a page, as the store counts it; a page that could not be read costs the least. */
function bytesOf(reply: StoreReply): number {
  if (!reply.ok) return PAGE_BYTES_MIN;
  const { entries } = reply.value as StoreCalls['page']['reply'];
  let bytes = PAGE_BYTES_MIN;
  for (const { content, data } of entries) bytes += utf8Bytes(content) + utf8Bytes(data ?? '') + 64;
  return bytes;
}
