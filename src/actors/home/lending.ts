import type { TokenBucket } from '../../limits/token-bucket.ts';
import { LOAN_MAX, type Lent } from '../messages/home.ts';

/** How long a connection may use a loan. It counts from its question, which is earlier than the answer. */
const LOAN_MS = 10_000;

/** A connection that asks again within this time is lent twice as much as before. */
const AGAIN_MS = 1_000;

/** A loan is at most this part of what is left, so that the other connections find the rest. */
const SHARE = 8;

interface Loan {
  /** The size of the loan if there were enough messages left. The next loan doubles this. */
  readonly size: number;
  readonly at: number;
  readonly until: number;
  /** Messages of the loan for which no chat waited when it was made. */
  readonly kept: number;
}

/**
 * Lends the messages of one user to the user's connections (D23). All connections together never pass the limit.
 *
 * - A message for which a chat waits is taken from the bucket at once. The rest of a loan is kept aside: the connection can
 *   use it as long as the loan runs, so the bucket must not refill it meanwhile.
 * - When a loan is over and the connection has not said what it used, all of it counts as used. What the connection gives
 *   back later counts as far as the bucket would have had room for it all the time since.
 */
export class Lending {
  readonly #bucket: TokenBucket;
  /** Running loans by the address of the connection, in the order in which they end. */
  readonly #loans = new Map<string, Loan>();
  /** The messages of all running loans that are kept aside. */
  #kept = 0;
  /** The messages that were kept aside for loans that are over, by the address of the connection. */
  readonly #over = new Map<string, number>();
  /** The number of those messages that can still go back, with its fraction. */
  #late = 0;

  constructor(bucket: TokenBucket) {
    this.#bucket = bucket;
  }

  /** Takes one message for REST, which does not borrow. Returns 0, or the milliseconds until there is one. */
  spend(now: number): number {
    this.#pass(now);
    return this.#bucket.take(now, 1, this.#kept);
  }

  /** Lends to a connection on which `wanted` chats wait. This ends the connection's loan before. */
  lend(address: string, wanted: number, unused: number, now: number): Lent {
    const before = this.#loans.get(address);
    this.giveBack(address, unused, now);
    const size = before && now - before.at <= AGAIN_MS ? Math.min(before.size * 2, LOAN_MAX) : 1;
    const left = this.#bucket.left(now) - this.#kept;
    const count = Math.max(1, Math.min(size, Math.floor(left / SHARE)));
    const used = Math.min(count, wanted);
    const retryAfterMs = this.#bucket.take(now, used, this.#kept);
    if (retryAfterMs > 0) return { count: 0, forMs: 0, retryAfterMs };
    this.#loans.set(address, { size, at: now, until: now + LOAN_MS, kept: count - used });
    this.#kept += count - used;
    return { count, forMs: LOAN_MS, retryAfterMs: 0 };
  }

  /** Ends the loan of a connection, which has not used so many of its messages. */
  giveBack(address: string, unused: number, now: number): void {
    this.#pass(now);
    const loan = this.#loans.get(address);
    if (!loan) return this.#giveBackLate(address, unused);
    this.#loans.delete(address);
    this.#kept -= loan.kept;
    this.#bucket.spend(loan.kept - Math.min(unused, loan.kept), now);
  }

  #giveBackLate(address: string, unused: number): void {
    const back = Math.floor(Math.min(unused, this.#over.get(address) ?? 0, this.#late));
    this.#over.delete(address);
    this.#late -= back;
    this.#bucket.giveBack(back);
  }

  /** Ends the loans whose time is over, each at the moment when it ended. */
  #pass(now: number): void {
    for (const [address, { kept, until }] of this.#loans) {
      if (until > now) break;
      this.#loans.delete(address);
      if (kept === 0) continue;
      this.#late = Math.min(this.#late, this.#bucket.owed(until)) + kept;
      this.#bucket.spend(kept, until);
      this.#kept -= kept;
      this.#over.set(address, kept);
    }
    this.#late = Math.min(this.#late, this.#bucket.owed(now));
    if (this.#late < 1) this.#over.clear();
  }

  /** The messages kept aside are the sum over the running loans. */
  get isSound(): boolean {
    let sum = 0;
    for (const { kept } of this.#loans.values()) sum += kept;
    return this.#kept === sum;
  }

  /** Nothing has to be remembered. */
  isForgettable(now: number): boolean {
    this.#pass(now);
    return this.#loans.size === 0 && this.#over.size === 0 && this.#bucket.fullAt <= now;
  }

  /** The time from which on there is nothing to remember, even if every loan is used. */
  get restsAt(): number {
    let lastUntil = -Infinity;
    for (const { kept, until } of this.#loans.values()) if (kept > 0) lastUntil = until;
    return Math.max(this.#bucket.fullAt, lastUntil) + this.#bucket.refillMs(this.#kept);
  }
}
