import { UNHEARD_MS } from '../../actors/node/unheard.ts';
import type { Incarnation } from '../../runtime/ports/placement.ts';
import type { Violate } from '../kit/violation.ts';

/** A process without a probe of its own for this long knows that it hears nothing. */
const SILENT_MS = 3_000;

/** What its lease, the looks of the others and their change of the view may add. */
const MOVED_MS = 3_000;

/** How long a process that comes back must have been heard, and how much earlier or later its lease may say so. */
const TRIAL_MS = 10_000;
const SAID_MS = 1_500;

/** What the network, the leases and the view know of a process. */
export interface Known {
  /** For how long nothing has come to it. */
  readonly silentMs: (process: Incarnation) => number;
  /** Its lease says that it is heard. */
  readonly isHeard: (process: Incarnation) => boolean;
  readonly hasHomes: (process: Incarnation) => boolean;
}

/** A process that lives. */
export interface Hearer {
  readonly owner: Incarnation;
  /** It leaves, and takes no homes. */
  readonly isLeaving: boolean;
}

/**
 * A process that alone hears nothing from others has no homes soon, and none again before it is heard for a while (D11). The checker
 * asks the network, so a process that does not notice its deafness is found too.
 */
export class GreyChecker {
  readonly #violate: Violate;
  /** Since when a process alone hears nothing. */
  readonly #alone = new Map<Incarnation, number>();

  constructor(violate: Violate) {
    this.#violate = violate;
  }

  /** Something else goes wrong, so that homes may move later. */
  troubled(): void {
    this.#alone.clear();
  }

  audit(hearers: readonly Hearer[], { silentMs, isHeard, hasHomes }: Known, now: number): void {
    const well = hearers.filter(({ owner }) => silentMs(owner) < SILENT_MS && isHeard(owner));
    for (const { owner } of hearers) {
      const isAlone = silentMs(owner) >= SILENT_MS && well.length * 2 > hearers.length - 1;
      if (!isAlone || well.every(({ isLeaving }) => isLeaving)) this.#alone.delete(owner);
      else if (!this.#alone.has(owner)) this.#alone.set(owner, now);
      if (now - (this.#alone.get(owner) ?? now) > UNHEARD_MS + MOVED_MS && hasHomes(owner))
        this.#violate(17, `${owner} hears nothing from others, and still has homes`);
    }
  }

  /** The lease says that the process is heard, and has denied that for so long. */
  heardAfter(process: Incarnation, deniedMs: number): void {
    if (deniedMs > UNHEARD_MS + SAID_MS && deniedMs < UNHEARD_MS + TRIAL_MS - SAID_MS)
      this.#violate(17, `${process} is heard again, and has homes ${deniedMs.toFixed()} ms after it was not`);
  }
}
