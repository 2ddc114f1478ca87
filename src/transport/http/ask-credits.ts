/** How long a client may take to ask why its handshake was refused. */
const CREDIT_MS = 10_000;

/** Addresses that are remembered at once; of more the one refused longest ago is forgotten, and its question counts. */
const ADDRESSES_MAX = 10_000;

/**
 * A refused handshake and the plain `GET /ws` that asks why count once (LM3): the refusal leaves its address a credit,
 * which the question spends.
 */
export class AskCredits {
  readonly #perAddress: number;
  readonly #credits = new Map<string, { readonly left: number; readonly untilMs: number }>();

  /** `perAddress`: credits that an address has at most. */
  constructor(perAddress: number) {
    this.#perAddress = perAddress;
  }

  /** A handshake that was counted is refused. */
  leave(address: string): void {
    const untilMs = performance.now() + CREDIT_MS;
    const left = Math.min(this.#perAddress, this.#leftOf(address) + 1);
    this.#credits.delete(address);
    this.#credits.set(address, { left, untilMs });
    if (this.#credits.size <= ADDRESSES_MAX) return;
    const [oldest] = this.#credits.keys();
    if (oldest !== undefined) this.#credits.delete(oldest);
  }

  /** Whether a question was paid for by its handshake. */
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
