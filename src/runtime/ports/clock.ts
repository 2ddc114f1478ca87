/** Time as a port: the core reads no clock of its own (D17). */
export interface Clock {
  /** Milliseconds of a clock that only runs forward, from an arbitrary start. They may have a fraction. */
  now(): number;
  /** Milliseconds since 1970. */
  wall(): number;
  /** Calls `wake` once, after at least `delayMs`. Only one call is outstanding: a new one replaces it. */
  wakeAfter(delayMs: number, wake: () => void): void;
  /** Cancels the outstanding call, if there is one. */
  cancelWake(): void;
  /** Calls `run` once, after the input that is waiting now has been processed. */
  soon(run: () => void): void;
}
