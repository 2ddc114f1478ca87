/** A revocation: it ends the sessions of a user, or one session (JW5). */
export interface Revocation {
  readonly user: string | null;
  readonly session: string | null;
  /** When it was made, by the database's clock: milliseconds since 1970. */
  readonly at: number;
  /**
   * By the issuer's clock, seconds since 1970: every token issued earlier is revoked. Null: `at` decides, within the
   * leeway.
   */
  readonly before: number | null;
}

/** A session as a token names it and as its connection holds it. */
export interface SessionKey {
  readonly user: string;
  readonly session: string | undefined;
  /** The token's `iat`: seconds since 1970 by the issuer's clock, perhaps with a fraction. */
  readonly issuedAt: number | undefined;
  /**
   * When its connection opened, by the database's clock: milliseconds since 1970. Undefined when it has no open
   * connection.
   */
  readonly openedAt: number | undefined;
}

/** `undecided`: the token was issued so close to the revocation that the clocks cannot tell which came first. */
export type Standing = 'good' | 'ended' | 'undecided';

/** The clocks of issuer and database may differ by this much. */
export const REVOCATION_LEEWAY_MS = 5_000;

/** How long the store has a removal from a room for those who read by number. Each node reads every second. */
export const REMOVAL_KEPT_MS = 3_600_000;

/** A token issued this long after a revocation is clearly newer, even if `iat` has whole seconds only. */
const DECIDED_AFTER_MS = 6_000;

/** An issuer whose clock is slow issues undecided tokens even then. The client retries at this pace. */
const RETRY_MIN_MS = 1_000;

/** A session's standing under one revocation. */
export function standingUnder(revocation: Revocation, key: SessionKey): Standing {
  const { user, session, at, before } = revocation;
  if (session !== null && key.session === session) return 'ended';
  if (user === null || key.user !== user) return 'good';
  // Within the same millisecond the order is unknown. An open connection is closed, as its client can reconnect.
  if (key.openedAt !== undefined && key.openedAt <= at) return 'ended';
  if (key.issuedAt === undefined) return 'ended';
  if (before !== null) return key.issuedAt < before ? 'ended' : 'good';
  const aheadMs = key.issuedAt * 1_000 - at;
  if (aheadMs < -REVOCATION_LEEWAY_MS) return 'ended';
  return aheadMs <= REVOCATION_LEEWAY_MS ? 'undecided' : 'good';
}

/** Milliseconds until a new token is clearly newer than a revocation. Both times are the database's. */
export function decidedInMs(revokedAt: number, now: number): number {
  return Math.max(RETRY_MIN_MS, revokedAt + DECIDED_AFTER_MS - now);
}
