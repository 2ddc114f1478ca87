import type { Channel } from '../protocol/channels.ts';
import type { SessionKey } from '../protocol/revocation.ts';
import type { Address } from '../runtime/ports/actor.ts';
import type {
  Claimed,
  ClaimMode,
  EntryOutcome,
  Grant,
  NewEntry,
  PageStart,
  Reader,
  RoomRecord,
  StoreCalls,
  StoreFailure,
  StoreReply,
  StoreRequest,
} from '../runtime/ports/log-store.ts';

// --- log: the node's one way to the store

export interface Append {
  readonly type: 'append';
  readonly channel: Channel;
  readonly epoch: number;
  /** How far the home knows the log to go. */
  readonly head: number;
  readonly foundsRoom: boolean;
  /** The home's own count of what it gave to the log. */
  readonly serial: number;
  readonly entry: NewEntry;
}

export interface AppendResult {
  readonly serial: number;
  /** The epoch it was tried under: what is said of an earlier attempt, or to an earlier life, is about something else. */
  readonly epoch: number;
  /** `shed`: too much is waiting on this node. It was not and will not be tried; what is around it goes on. */
  readonly outcome: EntryOutcome | { readonly type: 'shed' };
}

export type LogMessage =
  | Append
  | { readonly type: 'claim'; readonly channel: Channel; readonly mode: ClaimMode; readonly epoch: number }
  | { readonly type: 'head'; readonly channel: Channel }
  | { readonly type: 'place'; readonly channel: Channel; readonly seq: number }
  | { readonly type: 'room'; readonly room: string }
  | { readonly type: 'membership' | 'banned'; readonly room: string; readonly user: string }
  | { readonly type: 'standing'; readonly key: SessionKey }
  | ({ readonly type: 'page' } & PageRequest)
  | { readonly type: 'call'; readonly request: StoreRequest }
  | { readonly type: 'storeReplied'; readonly call: number; readonly reply: StoreReply }
  | { readonly type: 'flush' }
  | { readonly type: 'status' };

export interface LogStatus {
  readonly isStoreUp: boolean;
  /** Appends that wait or are under way. */
  readonly appends: number;
}

export interface PageRequest {
  readonly channel: Channel;
  readonly start: PageStart;
  readonly limit: number;
  readonly bytesMax: number;
  readonly reader: Reader | null;
  /** The user it is read for (LM14); null: what live traffic lacks. */
  readonly by: string | null;
}

/** The answer to who has read too much (LM14). */
export interface ReadLimited {
  readonly ok: false;
  readonly failure: 'limited';
  readonly retryAfterMs: number;
}

/** `lost`: the room has no record any more, and is not public for that (D21). */
export type Page = Omit<StoreCalls['page']['reply'], 'grant'> & { readonly grant: Grant | 'lost' };

/** The log's answer to a {@link PageRequest}. */
export type PageReply = LogReply<Page> | ReadLimited;

/** `isLost`: of a room that was private, and has no record any more (D21); of what was in it only the creator is known. */
export interface KnownRecord extends RoomRecord {
  readonly isLost?: true;
}

export function lostRecord(creator: string | null): KnownRecord {
  return { access: 'private', metadata: '{}', creator, isDeleted: false, isLost: true };
}

/** The log's answer to whatever it was asked. */
export type LogReply<Value> =
  { readonly ok: true; readonly value: Value } | { readonly ok: false; readonly failure: StoreFailure };

/** Null: not granted. */
export type ClaimReply = LogReply<Claimed | null>;

/** Of each message that was looked up, where it is; null: it is not there. */
export type LookupReply = LogReply<readonly ({ readonly seq: number; readonly at: number } | null)[]>;

export const LOG = 'log' as Address<LogMessage>;
