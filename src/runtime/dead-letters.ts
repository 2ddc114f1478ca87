import type { DeadLetterReason } from './ports/actor.ts';

/** A message that no actor handled, and why (D4). It leaves out the message itself, which may hold content. */
export interface DeadLetter {
  readonly reason: DeadLetterReason;
  readonly to: string;
  readonly from: string;
  readonly type: string;
  readonly at: number;
}

/** Every reason. The type makes sure that none is missing. */
export const DEAD_LETTER_REASONS = Object.keys({
  no_actor: true,
  stopped: true,
  overflow: true,
  expired: true,
  crashed: true,
  poison: true,
  quarantined: true,
  late: true,
  unplaced: true,
  unreachable: true,
  moved: true,
} satisfies Record<DeadLetterReason, true>) as readonly DeadLetterReason[];

const RING_MAX = 1_000;

/** Counts every undeliverable message by reason and keeps the newest thousand. */
export class DeadLetters {
  /** Each count begins at 0: the rate of a series that starts with its first event would miss that event. */
  readonly #counts = new Map(DEAD_LETTER_REASONS.map((reason) => [reason, 0]));
  readonly #ring: DeadLetter[] = [];
  #next = 0;

  add(dead: DeadLetter): void {
    this.#counts.set(dead.reason, (this.#counts.get(dead.reason) ?? 0) + 1);
    if (this.#ring.length < RING_MAX) this.#ring.push(dead);
    else this.#ring[this.#next] = dead;
    this.#next = (this.#next + 1) % RING_MAX;
  }

  get counts(): ReadonlyMap<DeadLetterReason, number> {
    return this.#counts;
  }

  /** Oldest first. */
  recent(): readonly DeadLetter[] {
    if (this.#ring.length < RING_MAX) return [...this.#ring];
    return [...this.#ring.slice(this.#next), ...this.#ring.slice(0, this.#next)];
  }
}
