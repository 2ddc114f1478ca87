import { standingUnder, type Revocation } from '../../protocol/revocation.ts';
import type { Verdict } from '../../runtime/ports/tokens.ts';
import { EPOCH_MS, type Timeline } from '../kit/timeline.ts';
import { CLUSTER_ENDS_MS, type SlowTimes } from './slow-times.ts';
import type { Violate } from '../kit/violation.ts';

/**
 * How long a node may still send to a connection after the end of its session (JW5), unless the process stands still, on one
 * node. In a cluster it is longer: the revoking node may die before the others hear of it.
 */
const ENDS_MS = 1_000;

/** Longer than any handshake takes. */
const HANDSHAKE_MS = 30_000;

type Which = Pick<Revocation, 'user' | 'session'>;

interface Ended extends Revocation {
  /** When the answer arrived, in virtual time. */
  readonly knownAt: number;
}

/** The revocations that a back end may rely on after its requests (JW5). */
export class EndedSessions {
  readonly #timeline: Timeline;
  readonly #violate: Violate;
  /** Revocations that apply to new tokens. */
  #inForce: Ended[] = [];
  /** Every revocation. Open connections end, whatever becomes of it later, unless that comes at once. */
  #ever: Ended[] = [];
  /** Users accepted while the store was unreachable. The node checks them later, and closes them if needed (JW3). */
  readonly #unchecked: { readonly user: string; readonly at: number }[] = [];
  readonly #slow: SlowTimes;

  constructor(timeline: Timeline, slow: SlowTimes, violate: Violate) {
    this.#timeline = timeline;
    this.#slow = slow;
    this.#violate = violate;
  }

  get #endsMs(): number {
    return this.#slow.isClustered ? CLUSTER_ENDS_MS : ENDS_MS;
  }

  /** Until when a state of that time may still have effects. */
  #until(then: number): number {
    return this.#slow.until(then, this.#endsMs);
  }

  /**
   * The node confirmed a revocation. `isInForce`: nothing can have undone it. Else another node need not hear of it any more, as in
   * {@link takenBack}.
   */
  ended(revocation: Revocation, isInForce: boolean): void {
    const ended = { ...revocation, knownAt: this.#timeline.now };
    if (isInForce) this.#inForce.push(ended);
    if (isInForce || !this.#slow.isClustered) this.#ever.push(ended);
  }

  /** A back end asked to undo it. Nodes that have not heard of it by then need not hear of it any more. */
  takenBack({ user, session }: Which): void {
    const { now } = this.#timeline;
    const isOther = (one: Ended): boolean => one.user !== user || one.session !== session;
    this.#inForce = this.#inForce.filter(isOther);
    if (this.#slow.isClustered)
      this.#ever = this.#ever.filter((one) => isOther(one) || now > this.#until(one.knownAt));
  }

  /** The failover may have lost the newest changes. */
  failedOver(): void {
    this.#inForce = [];
  }

  /**
   * The node accepts a user whose handshake began then. If the store was unreachable, the node checks the session later
   * (JW3).
   */
  letIn(verdict: Verdict, beganAt: number): void {
    if (!verdict.ok) return;
    const { user, session, issuedAt, checkedAt } = verdict.claims;
    if (checkedAt === undefined) return void this.#unchecked.push({ user, at: beganAt });
    const key = { user, session, issuedAt, openedAt: undefined };
    for (const one of this.#inForce)
      if (one.knownAt < beganAt && standingUnder(one, key) !== 'good')
        this.#violate(3, `${user} is let in with a token that was ended before (JW5)`);
  }

  /** The node sends something now to a connection that it welcomed then. */
  sent(who: { readonly name: string; readonly user: string }, welcomedAt: number, sentAt: number): void {
    const isUnchecked = this.#unchecked.some(
      ({ user, at }) => user === who.user && at <= welcomedAt && welcomedAt - at < HANDSHAKE_MS,
    );
    for (const { user, session, at, knownAt } of this.#ever) {
      const isMeant = user === who.user || session === `s-${who.user}`;
      if (isMeant && !isUnchecked && welcomedAt < at - EPOCH_MS && sentAt > this.#until(knownAt))
        this.#violate(
          3,
          `${who.name} is sent something ${this.#endsMs} ms after its session was ended (JW5)`,
        );
    }
  }
}
