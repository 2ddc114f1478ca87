/** How long a client may wait before it asks for the reason of a refused handshake. */
const CREDIT_MS = 10_000;

/** Addresses with credits. Beyond this the oldest one is dropped, and its question counts. */
const ADDRESSES_MAX = 10_000;

/**
 * A refused handshake and the plain `GET /ws` that asks for the reason count once together (LM3). The refusal leaves a
 * credit for the address, and the question spends it.
 */
export class AskCredits {
  readonly #perAddress: number;
  readonly #credits = new Map<string, { readonly left: number; readonly untilMs: number }>();

  /** `perAddress` is the most credits that an address has. */
  constructor(perAddress: number) {
    this.#perAddress = perAddress;
  }

  /** Records the refusal of a handshake that was counted. */
  leave(address: string): void {
    const untilMs = performance.now() + CREDIT_MS;
    const left = Math.min(this.#perAddress, this.#leftOf(address) + 1);
    this.#credits.delete(address);
    this.#credits.set(address, { left, untilMs });
    if (this.#credits.size <= ADDRESSES_MAX) return;
    const [oldest] = this.#credits.keys();
    if (oldest !== undefined) this.#credits.delete(oldest);
  }

  /** Whether a refused handshake has paid for this question. */
  spend(address: string): boolean {
    const left = this.#leftOf(address);
    const credit = this.#credits.get(address);
    if (left <= 1) this.#credits.delete(address);
    else if (credit) this.#credits.set(address, { ...credit, left: left - 1 });
    return left > 0;
  }

  #leftOf(address: string): number {
    const credit = this.#credits.get(address);
    return credit && credit.untilMs > performance.now() ? credit.left : 0;
  }
}
