import type { Incarnation } from '../../runtime/ports/placement.ts';

/** A process that alone is not heard for this long loses its homes (D11). */
export const UNHEARD_MS = 5_000;

/** After so long an outage it must be heard for this long before it may have some again. */
const HEARD_MS = 10_000;

/** What the lease of a process says of whether messages of other nodes reach it. All others go by that alone. */
export class Hearing {
  #isHeard = true;
  #since = -Infinity;
  /** When it was not heard any more, and for how long. Another outage before it may have homes again is the same one. */
  #outageSince = -Infinity;
  #outageMs = 0;

  get isHeard(): boolean {
    return this.#isHeard;
  }

  note(isHeard: boolean, now: number): void {
    if (isHeard === this.#isHeard) return;
    if (isHeard) this.#outageMs = now - this.#outageSince;
    else if (this.says(now)) this.#outageSince = now;
    this.#isHeard = isHeard;
    this.#since = now;
  }

  says(now: number): boolean {
    return this.#isHeard && (this.#outageMs < UNHEARD_MS || now - this.#since >= HEARD_MS);
  }
}

/** What a look shows of a process. */
export interface Heard {
  readonly incarnation: Incarnation;
  readonly isHeard: boolean;
}

/**
 * Processes that live, and that messages of other nodes do not reach: their homes would serve their own clients only (D11).
 * While most are not heard, Redis is the cause, and no home is better off elsewhere.
 */
export class Unheard {
  /** Since when a process is not heard while most others are. */
  readonly #since = new Map<Incarnation, number>();
  #now = 0;

  /** Takes a look in: all living processes. */
  look(processes: readonly Heard[], now: number): void {
    this.#now = now;
    const others = processes.length - 1;
    const heard = processes.filter(({ isHeard }) => isHeard).length;
    const alone = processes.filter(({ isHeard }) => !isHeard && heard * 2 > others);
    const names = new Set(alone.map(({ incarnation }) => incarnation));
    for (const incarnation of this.#since.keys())
      if (!names.has(incarnation)) this.#since.delete(incarnation);
    for (const incarnation of names) if (!this.#since.has(incarnation)) this.#since.set(incarnation, now);
  }

  /** The process should have no homes. */
  isGrey(incarnation: Incarnation): boolean {
    return this.#now - (this.#since.get(incarnation) ?? Infinity) >= UNHEARD_MS;
  }
}
