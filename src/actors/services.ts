import type { Channel } from '../protocol/channels.ts';
import type { Address } from '../runtime/ports/actor.ts';
import type { Revocation, SessionKey, Standing } from '../protocol/revocation.ts';
import type { StoreReply } from '../runtime/ports/log-store.ts';
import type { Actor, ConnectionAddress, Origin, Refusal } from './messages.ts';

// What is said to those of whom a node has one each, beside the log.

// --- drain: how a node leaves

export type DrainMessage =
  /** Asked, it answers once the node has left: its clients are gone, and what was taken is finished. */
  | { readonly type: 'leave' }
  /** A home cannot stop at once, since it has taken something; and has stopped. */
  | { readonly type: 'homeBusy' | 'homeStopped'; readonly channel: Channel };

export const DRAIN = 'drain' as Address<DrainMessage>;

// --- sessions: the check of JW3, for all connections of the node at once

export type SessionsMessage =
  | ({ readonly type: 'watch'; readonly address: ConnectionAddress } & Watched)
  | { readonly type: 'unwatch'; readonly address: ConnectionAddress }
  /** Ends a session, or all that a user has so far (JW5); asked, answers with {@link Ended}, or false: it could not be stored. */
  | ({
      readonly type: 'revoke';
      /** Tokens without `iat` are known, which nothing but a taking back makes good again. */
      readonly isLasting: boolean;
    } & Omit<Revocation, 'at'>)
  /** Takes that back; asked, answers whether there was something, or null: it could not be done. */
  | ({ readonly type: 'unrevoke' } & Pick<Revocation, 'user' | 'session'>)
  /** What the application said before may be different now. Of a user everywhere: the user's connections ask anew. */
  | { readonly type: 'recheck'; readonly user: string | undefined; readonly room: string | undefined }
  /** How those stand by now whose requests have waited for the application; asked, answers with a {@link StandingNow} of each. */
  | { readonly type: 'lookAgain'; readonly of: readonly Kept[] }
  /** Every connection is told to go, each with its own time to come back; asked, answers once none is left. */
  | { readonly type: 'dismiss' };

/** A connection whose session is watched. */
export interface Watched {
  readonly key: SessionKey;
  readonly rights: Rights;
  /** When the connection began, by the node's monotonic clock. */
  readonly since: number;
  /** When its token is over, by the node's wall clock (JW3). */
  readonly expiresAt: number;
}

/** What a token grants. */
type Rights = Pick<Actor, 'isAdmin' | 'payload'>;

/** A request that was kept waiting. */
export interface Kept extends Origin {
  readonly user: string;
  readonly room: string;
  /** When the application was asked about it, on the clock of `now`. */
  readonly since: number;
}

export interface StandingNow {
  readonly standing: Standing;
  /** What its connection's token grants by now; undefined: it has none, or is closed. */
  readonly rights: Rights | undefined;
  /** What the application said since may be different now (`recheck`). */
  readonly isDoubted: boolean;
}

export interface Ended {
  /** When, by the database's clock: milliseconds since 1970. */
  readonly at: number;
}

/** Said of what was asked in a session that has been ended meanwhile. */
export const ENDED: Refusal = { error: 'unauthorized', message: 'the session has been ended' };

export const SESSIONS = 'sessions' as Address<SessionsMessage>;

// --- lease: that this process lives, and who else does

export type LeaseMessage =
  | { readonly type: 'start' }
  /** Asked: the process ends; answers once the lease is given back, or could not be. */
  | { readonly type: 'release' }
  /** Who is told of peers has forgotten them. */
  | { readonly type: 'sayPeers' }
  | { readonly type: 'storeReplied'; readonly call: number; readonly reply: StoreReply };

export const LEASE = 'lease' as Address<LeaseMessage>;

// --- overlap: what other processes on the same database store

export interface OverlapMessage {
  readonly type: 'peersChanged';
  /** Everyone else alive. */
  readonly peers: readonly { readonly incarnation: string; readonly node: string }[];
  /** The database's time when nobody else was last seen to be, ms since 1970; null: there was always somebody. */
  readonly aloneAt: number | null;
}

export const OVERLAP = 'overlap' as Address<OverlapMessage>;
