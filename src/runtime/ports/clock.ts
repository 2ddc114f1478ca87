/** Time, handed in: the core reads no clock of its own (D17). */
export interface Clock {
  /** Milliseconds that only run forward, from an arbitrary start; fractions allowed. */
  now(): number;
  /** Milliseconds since 1970. */
  wall(): number;
  /** Calls once, not before `delayMs` have passed. One call is outstanding at a time: setting another replaces it. */
  wakeAfter(delayMs: number, wake: () => void): void;
  /** Calls once, after input that is waiting now has been taken. */
  soon(run: () => void): void;
}
