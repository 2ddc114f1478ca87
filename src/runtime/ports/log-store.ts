import type { Channel, ChannelKind } from '../../protocol/channels.ts';
import type { Revocation, SessionKey, Standing } from '../../protocol/revocation.ts';
import type { LeaseCalls } from './leases.ts';
import type { MemberCalls } from './members.ts';

/** A message on its way into a channel. */
export interface NewEntry {
  /** With `sender`, the key under which it is stored once (FR4). */
  readonly id: string;
  readonly sender: string;
  readonly content: string;
  /** JSON text, or null. */
  readonly data: string | null;
  /** The client's own time, ms since 1970, or null. */
  readonly sentAt: number | null;
}

/** A message in the log. */
export interface Entry extends NewEntry {
  readonly seq: number;
  /** When it was stored, by the database's clock: ms since 1970. */
  readonly at: number;
}

/** What one channel appends in one statement: entries in the order they are to be numbered. */
export interface AppendGroup {
  readonly channel: Channel;
  readonly epoch: number;
  /** How far the caller knows the log to go (D21); without it, nothing is known. */
  readonly head?: number;
  /** The channel is a room that has no record yet: its first message makes one (FR7). */
  readonly foundsRoom: boolean;
  readonly entries: readonly NewEntry[];
}

/**
 * What became of one entry.
 * - `stored`, `duplicate`: it is in the log at `seq`.
 * - `refused`: the store will never take this entry; it took or answered for the others.
 * - `fenced`: the channel has another owner or epoch. Not stored.
 * - `rewound`: the log does not go as far as the caller knows it to have gone: it has lost its end. Not stored.
 * - `busy`: the channel's row is locked by somebody else. Not stored; try again.
 * - `failed`: nothing of it was stored.
 * - `unknown`: it may be stored, or be stored yet. Only a claim settles it (D7).
 *
 * Within a group the outcomes before the first `fenced`, `rewound`, `busy`, `failed` or `unknown` are final, and all
 * from there on are of these five: order is kept.
 */
export type EntryOutcome =
  | { readonly type: 'stored' | 'duplicate'; readonly seq: number; readonly at: number }
  | { readonly type: 'refused' | 'fenced' | 'rewound' | 'busy' | 'failed' | 'unknown' };

/**
 * How a channel is claimed: epoch + 1 and the caller as its owner.
 * - `open`: if it has a row; a channel never written to stays without one.
 * - `create`: a row is made if there is none.
 * - `settle`: only from the caller's own `epoch`. Waits for a statement that is still under way.
 */
export type ClaimMode = 'open' | 'create' | 'settle';

export interface ClaimRequest {
  readonly channel: Channel;
  readonly mode: ClaimMode;
  /** The caller's epoch, for `settle`; else 0. */
  readonly epoch: number;
}

/** A claim that was granted; a channel that is missing from the reply was not (no row, or not ours). */
export interface Claimed {
  readonly epoch: number;
  readonly head: number;
}

export type Access = 'public' | 'private';

/** A room's record. A room that was never created and never written to has none. */
export interface RoomRecord {
  readonly access: Access;
  /** A JSON object as text. */
  readonly metadata: string;
  /** Null for a room made by its first message (FR7). */
  readonly creator: string | null;
  readonly isDeleted: boolean;
  /** Somebody is banned from it (JW7). */
  readonly hasBans?: true;
}

/** A room as lists show it. */
export interface ListedRoom {
  readonly room: string;
  readonly access: Access;
  /** A JSON object as text. */
  readonly metadata: string;
  /** A private one that the reader was put into by somebody else, and has not joined yet. */
  readonly isInvited?: true;
}

/** Where a page starts: after a seq going up, before a seq going down, or at the newest. */
export type PageStart =
  { readonly after: number; readonly upTo?: number } | { readonly before: number } | 'newest';

/** `absent`: the room has no record. */
export type Grant = 'granted' | 'absent' | 'gone' | 'forbidden' | 'banned';

/** Who wants to see a room. An admin may see every room there is. */
export interface Reader {
  readonly user: string;
  readonly isAdmin: boolean;
}

/** What was found of a session in the list of revocations (JW5). */
export interface SessionFinding {
  readonly standing: Standing;
  /** When it was looked up, by the database's clock: milliseconds since 1970. */
  readonly at: number;
  /** For `undecided`: when a new token may be told from those before; else 0. */
  readonly retryAfterMs: number;
}

/** Which message it is: with its channel, the key under which it is stored once. */
export interface Mark {
  readonly id: string;
  readonly sender: string;
}

/** How far a channel goes, and which message it has at the seq that was asked about; null: it keeps none there. */
export interface Place {
  readonly head: number;
  readonly at: Mark | null;
}

/** Every call there is, with its reply. */
export interface StoreCalls extends LeaseCalls, MemberCalls {
  append: {
    request: { readonly owner: string; readonly groups: readonly AppendGroup[] };
    /** Per group, per entry. */
    reply: readonly (readonly EntryOutcome[])[];
  };
  /** Claims of mode `create` and others are two statements: give them apart, so that it is done or not as one. */
  claim: {
    request: { readonly owner: string; readonly claims: readonly ClaimRequest[] };
    reply: ReadonlyMap<Channel, Claimed>;
  };
  /** Heads of channels; one without a row is missing: its head is 0. */
  heads: { request: { readonly channels: readonly Channel[] }; reply: ReadonlyMap<Channel, number> };
  /** Heads of channels, each with the message at a seq, of one snapshot. */
  places: {
    request: { readonly places: readonly { readonly channel: Channel; readonly seq: number }[] };
    reply: readonly Place[];
  };
  page: {
    request: {
      readonly channel: Channel;
      readonly start: PageStart;
      readonly limit: number;
      readonly bytesMax: number;
      /** Whose right to the room is checked in the same snapshot; null when it has been. */
      readonly reader: Reader | null;
    };
    reply: {
      readonly grant: Grant;
      readonly entries: readonly Entry[];
      readonly more: boolean;
      /**
       * Of a page that ends before the seq that it was asked up to: the first that the channel keeps, of the same
       * snapshot; where it keeps none, the next that it will give. Else undefined.
       */
      readonly first?: number;
    };
  };
  /** Which of these (sender, id) are in the log. */
  lookup: {
    request: {
      readonly channel: Channel;
      readonly keys: readonly { readonly sender: string; readonly id: string }[];
    };
    reply: readonly ({ readonly seq: number; readonly at: number } | null)[];
  };
  /** Room records; a room without one is missing. */
  rooms: { request: { readonly rooms: readonly string[] }; reply: ReadonlyMap<string, RoomRecord> };
  /** Makes a room's record, with its members; false when it has one. A deleted room is made anew. */
  createRoom: {
    request: {
      readonly room: string;
      readonly access: Access;
      readonly metadata: string;
      readonly creator: string;
      readonly members: readonly string[];
    };
    reply: boolean;
  };
  /**
   * Ends a room, from the caller's own epoch (0: the channel has no row): nobody may read it from here on, and its members
   * and its bans are none. The channel's row stays, its epoch raised, so that a position of before never points into what comes later
   * (RS3). Null, and nothing done, when epoch or owner are not current: a deletion that arrives late must not hit what
   * was stored after it was given up. A room that has no record (D21) gets that of a deleted one.
   */
  deleteRoom: {
    request: { readonly room: string; readonly owner: string; readonly epoch: number };
    reply: Claimed | null;
  };
  /**
   * The rooms a reader may see (RQ11): public ones and those the user is a member of, those that the user was only put into
   * if `invited`; for an admin all. None from which the user is banned. In the order of
   * the bytes of their ids, behind `after`.
   */
  listRooms: {
    request: {
      readonly reader: Reader;
      readonly after: string | null;
      readonly limit: number;
      readonly invited?: boolean;
    };
    reply: { readonly rooms: readonly ListedRoom[]; readonly more: boolean };
  };
  /** Removes some of the messages of a deleted room; true when there may be more. A room that is not deleted keeps all. */
  emptyRoom: { request: { readonly room: string }; reply: boolean };
  /** Removes the entries of a channel up to `upTo`, a thousand at most: head and epoch stay, ids may be used again. */
  discard: { request: { readonly channel: Channel; readonly upTo: number }; reply: null };
  /**
   * A step of retention (LM10), through the channels of a kind in the order of the bytes of their names. Of each log goes
   * what lies before the first entry that is younger than `keepMs` by the database's clock, and nothing behind it: what is
   * left has no hole, although clocks can be put back. Heads and epochs stay; an id may be used again once its entry
   * is gone. A log that is held by somebody else is passed over.
   */
  prune: {
    request: {
      readonly kind: ChannelKind;
      readonly keepMs: number;
      /** Where to go on: `next` of the step before; null: from the start. */
      readonly after: string | null;
      /** Looked at in this step. */
      readonly channels: number;
      /** Removed in this step at most, from all of them. */
      readonly entries: number;
    };
    /** `next` is null at the end. It comes again before a channel that was not finished, and then something was removed. */
    reply: { readonly removed: number; readonly next: string | null };
  };
  /** Ends sessions, and says when by the database's clock (JW5). */
  revoke: {
    request: Omit<Revocation, 'at'> & {
      /** The longest that a token may live which it refuses: then it is forgotten. Null: only when it is taken back. */
      readonly keepMs: number | null;
    };
    reply: { readonly at: number };
  };
  /** Takes back what ended a user's sessions, or one session; false when nothing did. */
  unrevoke: { request: Pick<Revocation, 'user' | 'session'>; reply: boolean };
  /** What ended these is not forgotten any more, until it is taken back. */
  holdRevocations: { request: Pick<Revocation, 'user' | 'session'>; reply: null };
  /** Removes some of the revocations that are forgotten; how many. */
  pruneRevocations: { request: { readonly limit: number }; reply: number };
  revoked: { request: { readonly sessions: readonly SessionKey[] }; reply: readonly SessionFinding[] };
  ping: { request: object; reply: null };
}

export type StoreCallName = keyof StoreCalls;

export type StoreRequest = {
  [Name in StoreCallName]: { readonly call: Name } & StoreCalls[Name]['request'];
}[StoreCallName];

/**
 * - `failed`: it was not carried out.
 * - `unknown`: it may have been carried out, or be carried out yet.
 * - `refused`: it was not carried out, and never will be: the store does not take what it was given. Others are served.
 */
export type StoreFailure = 'failed' | 'unknown' | 'refused';

export type StoreReply<Name extends StoreCallName = StoreCallName> =
  | { readonly ok: true; readonly value: StoreCalls[Name]['reply'] }
  | { readonly ok: false; readonly failure: StoreFailure; readonly message: string };

/** The log and what else is kept. `done` is called exactly once, and not later than the deadline (plus one turn of the loop). */
export interface LogStore {
  /**
   * The database's own name (D19), and its timeline once it has failed over: as far as is known at the start and from
   * renewals of leases. Positions in one log mean nothing in another one, and prove nothing on another timeline.
   */
  readonly log: string;
  call<Name extends StoreCallName>(
    name: Name,
    request: StoreCalls[Name]['request'],
    deadlineMs: number,
    done: (reply: StoreReply<Name>) => void,
  ): void;
}
