import type { Channel } from '../../protocol/channels.ts';
import type { Address, Question } from '../../runtime/ports/actor.ts';
import type { Revocation, SessionKey, Standing } from '../../protocol/revocation.ts';
import type { Lease } from '../../runtime/ports/leases.ts';
import type { StoreReply } from '../../runtime/ports/log-store.ts';
import type { Incarnation, ViewStamp } from '../../runtime/ports/placement.ts';
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
  /** The number of the newest loss of a right, by the database (D25). */
  | { readonly type: 'newestLoss'; readonly number: number }
  /** From another node. */
  | SessionsElsewhere
  /** Sends every connection away, each with its own time to come back. Asked, it answers once none is left. */
  | ({ readonly type: 'dismiss' } & Question<object>);

/** Another node has changed which sessions are good, or may have other decisions of the application. */
export type SessionsElsewhere =
  | ({ readonly type: 'revokedElsewhere' } & Revocation)
  | ({ readonly type: 'unrevokedElsewhere' } & Pick<Revocation, 'user' | 'session'>)
  | {
      readonly type: 'recheckElsewhere';
      readonly user: string | undefined;
      readonly room: string | undefined;
    };

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
  /** The node leaves the cluster: from here on it takes no homes. */
  | { readonly type: 'takeNoHomes' }
  /** Whether messages of other nodes reach this one has changed. */
  | { readonly type: 'heard'; readonly isHeard: boolean }
  | { readonly type: 'storeReplied'; readonly call: number; readonly reply: StoreReply };

export const LEASE = 'lease' as Address<LeaseMessage>;

// --- directory: the list of rooms, with how many users are present

/** A room's home says how many users are present. */
export interface Present {
  readonly type: 'present';
  readonly room: string;
  readonly count: number;
  /** Where it lives. */
  readonly home: Incarnation;
}

// --- view: which node of the cluster has which shard

export type ViewMessage =
  /** The lease was confirmed, and this is what the database shows beside it: all leases of others, and which view there is. */
  | {
      readonly type: 'looked';
      readonly leases: readonly Lease[];
      /** What the lease of this node says of itself, and whether other nodes can be reached right now. */
      readonly isHeard: boolean;
      readonly isReached: boolean;
      readonly view: ViewStamp | null;
    }
  /** The lease has not been confirmed for so long that others may think this node dead. */
  | { readonly type: 'doubtful' }
  /** Messages between this node and a peer were lost. Relays ask the homes there anew. */
  | { readonly type: 'linkLost'; readonly peer: Incarnation }
  /** A home has begun on this node, and knows of no doubt. */
  | { readonly type: 'homeBegan'; readonly channel: Channel }
  /** The node leaves. Asked, it answers once the node has no shard, or no other node can have them. */
  | ({ readonly type: 'leave' } & Question<object>)
  /** From another node: it has changed the view. */
  | ViewHint
  | { readonly type: 'storeReplied'; readonly call: number; readonly reply: StoreReply };

/** A hint, which causes a read and nothing else. */
export interface ViewHint {
  readonly type: 'viewChanged';
  readonly stamp: string;
}

export const VIEW = 'view' as Address<ViewMessage>;

// --- overlap: what other processes on the same database store

export interface OverlapMessage {
  readonly type: 'peersChanged';
  /** Everyone else alive. */
  readonly peers: readonly { readonly incarnation: string; readonly node: string }[];
  /** The database's time when this process was last the only one, ms since 1970; null: it never was. */
  readonly aloneAt: number | null;
}

export const OVERLAP = 'overlap' as Address<OverlapMessage>;
