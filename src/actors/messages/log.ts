import type { Channel } from '../../protocol/channels.ts';
import type { SessionKey } from '../../protocol/revocation.ts';
import type { Address, Question } from '../../runtime/ports/actor.ts';
import type { Membership } from '../../runtime/ports/members.ts';
import type {
  AppendRequest,
  Claimed,
  ClaimMode,
  EntryOutcome,
  Grant,
  PageStart,
  Place,
  Reader,
  RoomRecord,
  StoreCallName,
  StoreCalls,
  StoreFailure,
  StoreReply,
} from '../../runtime/ports/log-store.ts';
import type { SessionFinding } from '../../runtime/ports/revocations.ts';

// --- log: the node's one way to the store

export interface Append extends AppendRequest {
  readonly type: 'append';
  readonly head: number;
  /** The home's own count of its appends. */
  readonly serial: number;
}

export interface AppendResult {
  readonly serial: number;
  /** The epoch it was tried under: a result of an earlier attempt, or for an earlier generation, is about something else. */
  readonly epoch: number;
  /** `shed`: too much is waiting on this node. It was not tried and will not be. Appends around it go on. */
  readonly outcome: EntryOutcome | { readonly type: 'shed' };
}

export type LogMessage =
  | Append
  | Claim
  | ({ readonly type: 'head'; readonly channel: Channel } & Question<LogReply<number>>)
  | ({ readonly type: 'place'; readonly channel: Channel; readonly seq: number } & Question<LogReply<Place>>)
  | ({ readonly type: 'room'; readonly room: string } & Question<LogReply<KnownRoom>>)
  /** The right of a user in a room, or for how much longer the user is banned from it. */
  | ({ readonly type: 'membership' | 'banned'; readonly room: string; readonly user: string } & Question<
      LogReply<Membership | number>
    >)
  | ({ readonly type: 'standing'; readonly key: SessionKey } & Question<LogReply<SessionFinding>>)
  | ({ readonly type: 'page' } & PageRequest & Question<PageReply>)
  | StoreQuestion
  | { readonly type: 'storeReplied'; readonly call: number; readonly reply: StoreReply }
  | { readonly type: 'flush' }
  | ({ readonly type: 'status' } & Question<LogStatus>);

export interface Claim extends Question<ClaimReply> {
  readonly type: 'claim';
  readonly channel: Channel;
  readonly mode: ClaimMode;
  readonly epoch: number;
  readonly shard?: number | undefined;
}

/** A call of the store, which is answered with the store's reply to that call. */
export type StoreQuestion<Name extends StoreCallName = StoreCallName> = {
  readonly [Each in Name]: {
    readonly type: 'call';
    readonly request: { readonly call: Each } & StoreCalls[Each]['request'];
  } & Question<StoreAnswer<Each>>;
}[Name];

export type StoreAnswer<Name extends StoreCallName> = LogReply<StoreCalls[Name]['reply']>;

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
  /** The user who reads (LM14); null for messages that live traffic lacks. */
  readonly by: string | null;
}

/** The answer to a user who has read too much (LM14). */
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

export interface KnownRoom {
  readonly record: KnownRecord | null;
  /** The number of the newest loss of a right at that time (D25). */
  readonly losses: number;
}

export function lostRecord(creator: string | null): KnownRecord {
  return { access: 'private', metadata: '{}', creator, isDeleted: false, isLost: true };
}

/** The log's answer to any question. */
export type LogReply<Value> =
  { readonly ok: true; readonly value: Value } | { readonly ok: false; readonly failure: StoreFailure };

/** Null: not granted. `elsewhere`: the channel's shard is another process's. */
export type ClaimReply = LogReply<Claimed | 'elsewhere' | null>;

export const LOG = 'log' as Address<LogMessage>;
