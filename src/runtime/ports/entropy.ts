/** Randomness and fresh ids as a port (D17). */
export interface Entropy {
  /** From 0 (inclusive) to 1 (exclusive). */
  random(): number;
  /** A UUID, version 7. */
  uuid(): string;
}
