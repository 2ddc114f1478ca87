import type { Incarnation } from '../../runtime/ports/placement.ts';

/** A process that others do not hear for this long loses its homes; it may have some again when it was heard for as long (D11). */
const UNHEARD_MS = 5_000;
const HEARD_MS = 10_000;

interface Seen {
  isHeard: boolean;
  since: number;
  isGrey: boolean;
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
  readonly #seen = new Map<Incarnation, Seen>();

  /** Takes a look in: all living processes. */
  look(processes: readonly Heard[], now: number): void {
    const living = new Set(processes.map(({ incarnation }) => incarnation));
    for (const incarnation of this.#seen.keys()) if (!living.has(incarnation)) this.#seen.delete(incarnation);
    for (const { incarnation, isHeard } of processes) this.#note(incarnation, isHeard, now);
    const heard = processes.filter(({ isHeard }) => isHeard).length;
    for (const seen of this.#seen.values()) {
      const others = processes.length - 1;
      const areOthersHeard = !seen.isHeard && others > 0 && heard * 2 > others;
      if (areOthersHeard && now - seen.since >= UNHEARD_MS) seen.isGrey = true;
      else if (seen.isGrey && seen.isHeard && now - seen.since >= HEARD_MS) seen.isGrey = false;
    }
  }

  #note(incarnation: Incarnation, isHeard: boolean, now: number): void {
    const seen = this.#seen.get(incarnation);
    if (!seen) this.#seen.set(incarnation, { isHeard, since: now, isGrey: false });
    else if (seen.isHeard !== isHeard) Object.assign(seen, { isHeard, since: now });
  }

  /** The process should have no homes. */
  isGrey(incarnation: Incarnation): boolean {
    return this.#seen.get(incarnation)?.isGrey ?? false;
  }
}
