/** What ended the sessions of a user, or one session (JW5). */
export interface Revocation {
  readonly user: string | null;
  readonly session: string | null;
  /** When, by the database's clock: milliseconds since 1970. */
  readonly at: number;
  /** By the issuer's clock, seconds since 1970: exactly what was issued before is over. Null: `at` says it, as far as it can. */
  readonly before: number | null;
}

/** A session, as a token names it and a connection has it. */
export interface SessionKey {
  readonly user: string;
  readonly session: string | undefined;
  /** The token's `iat`: seconds since 1970 by the issuer's clock, perhaps with a fraction. */
  readonly issuedAt: number | undefined;
  /** When its connection was opened, by the database's clock: milliseconds since 1970. Undefined for what is not open. */
  readonly openedAt: number | undefined;
}

/** `undecided`: it was issued so near to the revocation that nobody can say which came first. */
export type Standing = 'good' | 'ended' | 'undecided';

/** Clocks of an issuer and of the database may differ by as much. */
export const REVOCATION_LEEWAY_MS = 5_000;

/** A token that is issued this long after a revocation is told from those before it, in whole seconds too. */
const DECIDED_AFTER_MS = 6_000;

/** An issuer whose clock is behind still gives undecided tokens then: whoever asks again does so at this pace. */
const RETRY_MIN_MS = 1_000;

/** How a session stands under one revocation. */
export function standingUnder(revocation: Revocation, key: SessionKey): Standing {
  const { user, session, at, before } = revocation;
  if (session !== null && key.session === session) return 'ended';
  if (user === null || key.user !== user) return 'good';
  // In the same millisecond nobody can say which came first, and an open connection can come again.
  if (key.openedAt !== undefined && key.openedAt <= at) return 'ended';
  if (key.issuedAt === undefined) return 'ended';
  if (before !== null) return key.issuedAt < before ? 'ended' : 'good';
  const aheadMs = key.issuedAt * 1_000 - at;
  if (aheadMs < -REVOCATION_LEEWAY_MS) return 'ended';
  return aheadMs <= REVOCATION_LEEWAY_MS ? 'undecided' : 'good';
}

/** In how many milliseconds a new token may be told from those before a revocation. Both times are the database's. */
export function decidedInMs(revokedAt: number, now: number): number {
  return Math.max(RETRY_MIN_MS, revokedAt + DECIDED_AFTER_MS - now);
}
