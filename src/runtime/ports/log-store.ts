import type { Channel, ChannelKind } from '../../protocol/channels.ts';
import type { LeaseCalls } from './leases.ts';
import type { Fence, MemberCalls } from './members.ts';
import type { RevocationCalls } from './revocations.ts';

/** A message on its way into a channel. */
export interface NewEntry {
  /** With `sender` it is the key under which the message is stored once (FR4). */
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

/** An entry to append to a channel. The appends of one channel in a call have the same epoch and the same head. */
export interface AppendRequest {
  readonly channel: Channel;
  readonly epoch: number;
  /** How far the caller knows the log to go (D21). Without it the caller knows nothing. */
  readonly head?: number;
  /** The channel is a room without a record. Its first message creates the record (FR7). */
  readonly createsRoom: boolean;
  readonly entry: NewEntry;
}

/**
 * The outcome of one entry.
 * - `stored`, `duplicate`: it is in the log at `seq`.
 * - `refused`: the store will never accept this entry. It accepted or answered for the others.
 * - `fenced`: the channel has another owner or epoch. Not stored.
 * - `rewound`: the log ends before the head that the caller knows, so it has lost its end. Not stored.
 * - `busy`: another process has locked the channel's row. Not stored; try again.
 * - `failed`: nothing of it is stored.
 * - `unknown`: it may be stored now or later. Only a claim settles it (D7).
 *
 * Within a channel the outcomes before the first `fenced`, `rewound`, `busy`, `failed` or `unknown` are final. All
 * outcomes from there on are one of these five, which keeps the order.
 */
export type EntryOutcome =
  | { readonly type: 'stored' | 'duplicate'; readonly seq: number; readonly at: number }
  | { readonly type: 'refused' | 'fenced' | 'rewound' | 'busy' | 'failed' | 'unknown' };

/**
 * How to claim a channel: the epoch grows by one and the caller becomes its owner.
 * - `open`: only if it has a row. A channel without messages stays without one.
 * - `create`: creates the row if there is none.
 * - `settle`: only from the caller's own `epoch`. It waits for a statement that is still in progress.
 */
export type ClaimMode = 'open' | 'create' | 'settle';

export interface ClaimRequest {
  readonly channel: Channel;
  readonly mode: ClaimMode;
  /** The caller's epoch for `settle`, else 0. */
  readonly epoch: number;
  /**
   * The channel's shard. The store grants the claim only if the view names the caller for it and the caller's lease is not
   * dead (D7). Without it the store does not look at the view: the process is in no cluster.
   */
  readonly shard?: number;
}

/** A claim that the store granted. */
export interface Claimed {
  readonly epoch: number;
  readonly head: number;
}

/** A room that was deleted. The number is that of the change, by which other nodes read it (D25). */
export interface Deleted extends Claimed {
  readonly number: number;
}

export type Access = 'public' | 'private';

/** A room's record. A room without a creation and without messages has none. */
export interface RoomRecord {
  readonly access: Access;
  /** A JSON object as text. */
  readonly metadata: string;
  /** Null for a room that its first message created (FR7). */
  readonly creator: string | null;
  readonly isDeleted: boolean;
  /** At least one user is banned from it (JW7). */
  readonly hasBans?: true;
}

/** A room as lists show it. */
export interface ListedRoom {
  readonly room: string;
  readonly access: Access;
  /** A JSON object as text. */
  readonly metadata: string;
  /** A private room that another user added the reader to, and that the reader has not joined yet. */
  readonly isInvited?: true;
}

/** Where a page starts: after a seq going up, before a seq going down, or at the newest. */
export type PageStart =
  { readonly after: number; readonly upTo?: number } | { readonly before: number } | 'newest';

/** `absent`: the room has no record. */
export type Grant = 'granted' | 'absent' | 'gone' | 'forbidden' | 'banned';

/** The user who reads a room. An admin may read every room. */
export interface Reader {
  readonly user: string;
  readonly isAdmin: boolean;
}

/** A message of a channel by its key. A lost one that was sent again has the same key and another time (RQ2). */
export interface Mark {
  readonly id: string;
  readonly sender: string;
  /** When it was stored: milliseconds since 1970. */
  readonly at: number;
}

/** A channel's head, and its message at the seq in question; null when it has none there. */
export interface Place {
  readonly head: number;
  readonly at: Mark | null;
}

/** Every call of the store, with its reply. */
export interface StoreCalls extends LeaseCalls, MemberCalls, RevocationCalls {
  append: {
    /** The entries of a channel get their seqs in this order. */
    request: { readonly owner: string; readonly appends: readonly AppendRequest[] };
    /** The outcome of each entry, in the order of the request. */
    reply: readonly EntryOutcome[];
  };
  /** With `skipsHeld` a row that is held is `busy` at once. Without it the call waits for it, for a second, and then fails. */
  claim: {
    request: {
      readonly owner: string;
      readonly claims: readonly ClaimRequest[];
      readonly skipsHeld?: boolean | undefined;
    };
    /**
     * Null: the view names another process for the shard, or the caller is dead. `busy`: another transaction has changed the row
     * meanwhile, or holds it. A missing channel was not granted because it has no row, or (`settle`, whatever the view says)
     * another epoch or owner.
     */
    reply: ReadonlyMap<Channel, Claimed | 'busy' | null>;
  };
  /** Heads of channels. A channel without a row is missing: its head is 0. */
  heads: { request: { readonly channels: readonly Channel[] }; reply: ReadonlyMap<Channel, number> };
  /** Heads of channels, each with the message at a seq, from one snapshot. */
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
      /** The user whose right to the room the same snapshot checks; null when it is checked already. */
      readonly reader: Reader | null;
    };
    reply: {
      readonly grant: Grant;
      readonly entries: readonly Entry[];
      readonly more: boolean;
      /**
       * Set when a page ends before the seq up to which the caller asked. It is the first seq that the channel still has,
       * from the same snapshot, or its next seq when it has none.
       */
      readonly first?: number;
    };
  };
  /** The place of each mark (sender, id); null: it is not in the log. */
  lookup: {
    request: {
      readonly channel: Channel;
      readonly keys: readonly { readonly sender: string; readonly id: string }[];
    };
    reply: readonly ({ readonly seq: number; readonly at: number } | null)[];
  };
  rooms: {
    request: { readonly rooms: readonly string[] };
    reply: {
      /** A room without a record is missing. */
      readonly records: ReadonlyMap<string, RoomRecord>;
      /** The number of the newest change of rights that this snapshot has (D25); 0 without one. */
      readonly losses: number;
    };
  };
  /** Creates a room's record with its members. False when it has one. A deleted room gets a new one. */
  createRoom: {
    request: {
      readonly room: string;
      readonly access: Access;
      readonly metadata: string;
      readonly creator: string;
      readonly members: readonly string[];
      readonly fence?: Fence;
    };
    reply: boolean | null;
  };
  /**
   * Ends a room, from the caller's own epoch (0: the channel has no row). From then on no user may read it, and it has
   * neither members nor bans. The channel's row stays with a raised epoch, so that an old position never points into later
   * messages (RS3). Replies null, and changes nothing, when epoch or owner are outdated: a late deletion must not hit what
   * was stored after the caller gave up. A room without a record (D21) gets the record of a deleted one.
   */
  deleteRoom: {
    request: { readonly room: string; readonly owner: string; readonly epoch: number };
    reply: Deleted | null;
  };
  /**
   * The rooms that a reader may see (RQ11): public ones and those the user is a member of; with `invited` also those that
   * another user added them to; for an admin all. Rooms that ban the user are left out. The order is by the bytes of the
   * ids, behind `after`.
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
  /** Removes some messages of a deleted room. True when there may be more. A room that is not deleted keeps all. */
  emptyRoom: { request: { readonly room: string }; reply: boolean };
  /** Removes up to a thousand entries of a channel, up to `upTo`. Head and epoch stay, and ids may be used again. */
  discard: { request: { readonly channel: Channel; readonly upTo: number }; reply: null };
  /**
   * One step of retention (LM10), through the channels of a kind in the order of the bytes of their names. The step removes
   * the entries of each log before the first one that is younger than `keepMs` by the database's clock. It removes none
   * behind that one, so that the rest has no hole even when the clock was set back. Heads and epochs stay. An id may be
   * used again once its entry is removed. The step skips a log that another process has locked.
   */
  prune: {
    request: {
      readonly kind: ChannelKind;
      readonly keepMs: number;
      /** Where to continue: `next` of the previous step; null for the start. */
      readonly after: string | null;
      /** How many channels this step looks at. */
      readonly channels: number;
      /** How many entries this step removes at most, over all channels. */
      readonly entries: number;
    };
    /** `next` is null at the end. It repeats when a channel is not finished, and then the step has removed something. */
    reply: { readonly removed: number; readonly next: string | null };
  };
  ping: { request: object; reply: null };
}

export type StoreCallName = keyof StoreCalls;

export type StoreRequest = {
  [Name in StoreCallName]: { readonly call: Name } & StoreCalls[Name]['request'];
}[StoreCallName];

/**
 * How a call failed.
 * - `failed`: the store did not carry it out.
 * - `unknown`: the store may have carried it out, or may still do so.
 * - `refused`: the store did not and never will, because it does not accept the values. It serves other calls.
 */
export type StoreFailure = 'failed' | 'unknown' | 'refused';

export type StoreReply<Name extends StoreCallName = StoreCallName> =
  | { readonly ok: true; readonly value: StoreCalls[Name]['reply'] }
  | { readonly ok: false; readonly failure: StoreFailure; readonly message: string };

/**
 * The store of the log and of everything beside it. It calls `done` exactly once, by the deadline (plus one turn of the
 * loop).
 */
export interface LogStore {
  /**
   * The database's name (D19) with its timeline after a failover, as known from the start and from renewals of leases.
   * Positions in one log mean nothing in another log, and prove nothing on another timeline.
   */
  readonly log: string;
  call<Name extends StoreCallName>(
    name: Name,
    request: StoreCalls[Name]['request'],
    deadlineMs: number,
    done: (reply: StoreReply<Name>) => void,
  ): void;
}
