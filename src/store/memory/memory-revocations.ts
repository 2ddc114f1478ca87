import { decidedInMs, standingUnder, type Revocation, type SessionKey } from '../../protocol/revocation.ts';
import type { StoreCalls } from '../../runtime/ports/log-store.ts';
import type { SessionFinding } from '../../runtime/ports/revocations.ts';
import type { Numbers } from './numbers.ts';

type Which = Pick<Revocation, 'user' | 'session'>;

export interface KeptRevocation extends Revocation {
  /** When the store forgets it, ms since 1970. */
  until: number;
  /** In the order of commits (D25). */
  readonly number: number;
}

function isMeant(known: Revocation, { user, session }: Which): boolean {
  return (user !== null && known.user === user) || (session !== null && known.session === session);
}

/** The revocations of a log as plain data. `wall` is the database's clock. */
export class MemoryRevocations {
  readonly #wall: () => number;
  readonly #numbers: Numbers;
  #kept: KeptRevocation[] = [];

  constructor(wall: () => number, numbers: Numbers) {
    this.#wall = wall;
    this.#numbers = numbers;
  }

  all(): readonly KeptRevocation[] {
    return this.#kept;
  }

  replace(by: readonly KeptRevocation[]): void {
    this.#kept = [...by];
  }

  after(number: number): readonly KeptRevocation[] {
    return this.#kept.filter((known) => known.number > number && this.#isInForce(known));
  }

  /** `agoMs`: how long ago the statement began that commits now. */
  revoke(
    { keepMs, ...revocation }: StoreCalls['revoke']['request'],
    agoMs = 0,
  ): StoreCalls['revoke']['reply'] {
    const at = Math.floor(this.#wall() - agoMs);
    const from = Math.max(at, (revocation.before ?? 0) * 1_000);
    const until = keepMs === null ? Infinity : from + keepMs;
    this.#kept.push({ ...revocation, at, until, number: this.#numbers.draw() });
    return { at };
  }

  unrevoke(which: Which): boolean {
    const had = this.#kept.filter((known) => isMeant(known, which));
    this.#kept = this.#kept.filter((known) => !isMeant(known, which));
    return had.some((known) => this.#isInForce(known));
  }

  hold(which: Which): void {
    for (const known of this.#kept)
      if (isMeant(known, which) && this.#isInForce(known)) known.until = Infinity;
  }

  prune(limit: number): number {
    const over = this.#kept.filter((known) => !this.#isInForce(known));
    const gone = new Set(over.toSorted((a, b) => a.until - b.until).slice(0, limit));
    this.#kept = this.#kept.filter((known) => !gone.has(known));
    return gone.size;
  }

  find(key: SessionKey): SessionFinding {
    const at = Math.floor(this.#wall());
    const undecided: number[] = [];
    for (const known of this.#kept.filter((one) => this.#isInForce(one))) {
      const standing = standingUnder(known, key);
      if (standing === 'ended') return { standing, at, retryAfterMs: 0 };
      if (standing === 'undecided') undecided.push(known.at);
    }
    if (undecided.length === 0) return { standing: 'good', at, retryAfterMs: 0 };
    return { standing: 'undecided', at, retryAfterMs: decidedInMs(Math.max(...undecided), at) };
  }

  #isInForce({ until }: KeptRevocation): boolean {
    return until > this.#wall();
  }
}
