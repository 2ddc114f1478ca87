import type { Channel } from '../../protocol/channels.ts';
import type { Address, Question } from '../../runtime/ports/actor.ts';
import type { Revocation, SessionKey, Standing } from '../../protocol/revocation.ts';
import type { StoreReply } from '../../runtime/ports/log-store.ts';
import type { Actor, Refusal } from './terms.ts';
import type { ConnectionAddress, Origin } from './connection.ts';

// Messages to the actors of which a node has one each, beside the log.

// --- drain: how a node leaves

export type DrainMessage =
  /** Asked, it answers once the node has left: its clients are gone, and what was taken is finished. */
  | ({ readonly type: 'leave' } & Question<object>)
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
    } & Omit<Revocation, 'at'> &
      Question<Ended | false>)
  /** Takes that back. Asked, it answers whether there was such a revocation, or null if that failed. */
  | ({ readonly type: 'unrevoke' } & Pick<Revocation, 'user' | 'session'> & Question<boolean | null>)
  /**
   * Earlier decisions of the application may be different now. Those of a user in all rooms: the user's connections ask
   * anew.
   */
  | { readonly type: 'recheck'; readonly user: string | undefined; readonly room: string | undefined }
  /**
   * The present rights of users whose requests have waited for the application. Asked, it answers with a {@link
   * StandingNow} of each.
   */
  | ({ readonly type: 'lookAgain'; readonly of: readonly Kept[] } & Question<readonly StandingNow[]>)
  /** Sends every connection away, each with its own time to come back. Asked, it answers once none is left. */
  | ({ readonly type: 'dismiss' } & Question<object>);

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
  /** The rights of its connection's present token; undefined: it has no connection, or a closed one. */
  readonly rights: Rights | undefined;
  /** Decisions of the application since then may be different now (`recheck`). */
  readonly isDoubted: boolean;
}

export interface Ended {
  /** When, by the database's clock: milliseconds since 1970. */
  readonly at: number;
}

/** The refusal for a request of a session that has been ended meanwhile. */
export const ENDED: Refusal = { error: 'unauthorized', message: 'the session has been ended' };

export const SESSIONS = 'sessions' as Address<SessionsMessage>;

// --- lease: that this process lives, and who else does

export type LeaseMessage =
  | { readonly type: 'start' }
  /** The process ends. Asked, it answers once the lease has been returned, or could not be. */
  | ({ readonly type: 'release' } & Question<object>)
  /** The actor that hears of peers has forgotten them. */
  | { readonly type: 'sayPeers' }
  | { readonly type: 'storeReplied'; readonly call: number; readonly reply: StoreReply };

export const LEASE = 'lease' as Address<LeaseMessage>;

// --- overlap: what other processes on the same database store

export interface OverlapMessage {
  readonly type: 'peersChanged';
  /** Everyone else alive. */
  readonly peers: readonly { readonly incarnation: string; readonly node: string }[];
  /** The database's time when this process was last the only one, ms since 1970; null: it never was. */
  readonly aloneAt: number | null;
}

export const OVERLAP = 'overlap' as Address<OverlapMessage>;
