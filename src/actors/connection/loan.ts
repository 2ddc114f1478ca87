import type { Lent } from '../messages/home.ts';

/** The messages that the user's home has lent a connection, which sends them without asking (D23). */
export class Loan {
  #left = 0;
  #until = -Infinity;

  /** Takes one message. Returns false when none is left, or the time of the loan is over. */
  take(now: number): boolean {
    if (this.#left === 0 || now >= this.#until) return false;
    this.#left--;
    return true;
  }

  /** Replaces the loan before. The time of the new one runs from the question. */
  lent({ count, forMs }: Lent, askedAt: number): void {
    this.#left = count;
    this.#until = askedAt + forMs;
  }

  /** Ends the loan. Returns the number of messages that were not used. */
  end(): number {
    const unused = this.#left;
    this.#left = 0;
    return unused;
  }
}
