/** Bytes that may be read at once after a rest, in seconds of the rate. */
const BURST_S = 8;

/** The least cost of a page: to ask the store costs too. */
export const PAGE_BYTES_MIN = 1_024;

/** Below this many users none is forgotten: looking for them costs more than they do. */
const KEPT_MIN = 1_024;

interface Account {
  /** The bytes owed at `at`: they wear off with the rate. */
  owed: number;
  at: number;
}

/**
 * The reads of the log for each user, by their bytes (LM14). The budget takes the most that a page may have before it
 * is read, and returns the unused part.
 */
export class ReadBudget {
  readonly #bytesPerMs: number;
  readonly #burst: number;
  readonly #accounts = new Map<string, Account>();
  #keptMax = KEPT_MIN;

  /** 0: no limit. */
  constructor(bytesPerSecond: number) {
    this.#bytesPerMs = bytesPerSecond / 1_000;
    this.#burst = bytesPerSecond * BURST_S;
  }

  /** 0 when the bytes were taken, or in how many milliseconds there will be as many. */
  take(user: string, bytes: number, now: number): number {
    if (this.#burst === 0) return 0;
    const account = this.#accounts.get(user) ?? { owed: 0, at: now };
    account.owed = Math.max(0, account.owed - (now - account.at) * this.#bytesPerMs);
    account.at = now;
    // A page that is larger than all there can be is read when nothing is owed.
    const excess = Math.min(account.owed, account.owed + bytes - this.#burst);
    if (excess > 0) return Math.ceil(excess / this.#bytesPerMs);
    account.owed += bytes;
    this.#accounts.set(user, account);
    if (this.#accounts.size > this.#keptMax) this.#forget(now);
    return 0;
  }

  giveBack(user: string, bytes: number): void {
    const account = this.#accounts.get(user);
    if (account) account.owed = Math.max(0, account.owed - bytes);
  }

  get size(): number {
    return this.#accounts.size;
  }

  #forget(now: number): void {
    for (const [user, { owed, at }] of this.#accounts)
      if (owed <= (now - at) * this.#bytesPerMs) this.#accounts.delete(user);
    this.#keptMax = Math.max(KEPT_MIN, this.#accounts.size * 2);
  }
}
