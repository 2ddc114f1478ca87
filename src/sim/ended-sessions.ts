import { standingUnder, type Revocation } from '../protocol/revocation.ts';
import type { Verdict } from '../runtime/ports/tokens.ts';
import { EPOCH_MS } from './sim-clock.ts';
import type { Timeline } from './timeline.ts';
import type { Violate } from './violation.ts';

/** Nothing is sent to a connection whose session was ended after this (JW5), as long as the process does not stand still. */
const ENDS_MS = 1_000;

/** Longer than a handshake takes. */
const HANDSHAKE_MS = 30_000;

type Which = Pick<Revocation, 'user' | 'session'>;

interface Ended extends Revocation {
  /** When that was known, by virtual time. */
  readonly knownAt: number;
}

/** Whose sessions have been ended, as a back end may believe that has ended them (JW5). */
export class EndedSessions {
  readonly #timeline: Timeline;
  readonly #violate: Violate;
  /** Those that hold for tokens to come. */
  #inForce: Ended[] = [];
  /** All of them: what was open goes, whatever becomes of the revocation later. */
  readonly #ever: Ended[] = [];
  /** Who came in when the store could not be asked: when that was is found out later, and what follows from it (JW3). */
  readonly #unchecked: { readonly user: string; readonly at: number }[] = [];

  /** When the process stood still, in order. */
  readonly #still: { readonly from: number; readonly until: number }[] = [];

  constructor(timeline: Timeline, violate: Violate) {
    this.#timeline = timeline;
    this.#violate = violate;
  }

  standsStill(ms: number): void {
    const from = this.#timeline.now;
    this.#still.push({ from, until: from + ms });
  }

  /** Until when something may come of what was true then. */
  #until(then: number): number {
    let until = then + ENDS_MS;
    for (const still of this.#still) if (still.from <= until) until = Math.max(until, still.until + ENDS_MS);
    return until;
  }

  /** It was answered that this is done; `isInForce`: nothing may have taken it back. */
  ended(revocation: Revocation, isInForce: boolean): void {
    const ended = { ...revocation, knownAt: this.#timeline.now };
    if (isInForce) this.#inForce.push(ended);
    this.#ever.push(ended);
  }

  /** It was asked to take that back. */
  takenBack({ user, session }: Which): void {
    this.#inForce = this.#inForce.filter((one) => one.user !== user || one.session !== session);
  }

  /** What was stored last may be lost. */
  failedOver(): void {
    this.#inForce = [];
  }

  /** Somebody is let in whose handshake began then. Where the store could not be asked, that is made up for later (JW3). */
  letIn(verdict: Verdict, beganAt: number): void {
    if (!verdict.ok) return;
    const { user, session, issuedAt, checkedAt } = verdict.claims;
    if (checkedAt === undefined) return void this.#unchecked.push({ user, at: beganAt });
    const key = { user, session, issuedAt, openedAt: undefined };
    for (const one of this.#inForce)
      if (one.knownAt < beganAt && standingUnder(one, key) !== 'good')
        this.#violate(3, `${user} is let in with a token that was ended before (JW5)`);
  }

  /** A connection that was welcomed then is sent something now. */
  sent(who: { readonly name: string; readonly user: string }, welcomedAt: number, sentAt: number): void {
    const isUnchecked = this.#unchecked.some(
      ({ user, at }) => user === who.user && at <= welcomedAt && welcomedAt - at < HANDSHAKE_MS,
    );
    for (const { user, session, at, knownAt } of this.#ever) {
      const isMeant = user === who.user || session === `s-${who.user}`;
      if (isMeant && !isUnchecked && welcomedAt < at - EPOCH_MS && sentAt > this.#until(knownAt))
        this.#violate(3, `${who.name} is sent something ${ENDS_MS} ms after its session was ended (JW5)`);
    }
  }
}
