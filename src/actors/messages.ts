import type { Channel } from '../protocol/channels.ts';
import type { SocketErrorCode } from '../protocol/codes.ts';
import type { Feature } from '../protocol/pushes.ts';
import type { SessionKey } from '../protocol/revocation.ts';
import type { GivenPosition } from './positions.ts';
import type { Address } from '../runtime/ports/actor.ts';
import type { Access, Entry, NewEntry } from '../runtime/ports/log-store.ts';
import type { AppendResult } from './log-messages.ts';
import type { MeasureReason } from '../runtime/ports/effects.ts';
import type { Measured } from '../runtime/ports/sockets.ts';
import type { Verdict } from '../runtime/ports/tokens.ts';
import type { Incarnation } from '../runtime/ports/placement.ts';

export {
  LOG,
  type Append,
  type AppendResult,
  type ClaimReply,
  type LogMessage,
  type LogReply,
  type LogStatus,
  type LookupReply,
  type PageReply,
  type PageRequest,
} from './log-messages.ts';

// What actors say to each other. Messages are data and are never changed after they were sent.

/** A coded no, as a client will read it. */
export interface Refusal {
  readonly error: SocketErrorCode;
  readonly message: string;
  readonly field?: string;
  readonly retryAfterMs?: number;
}

export function isRefusal(body: object): body is Refusal {
  return 'error' in body;
}

/** Who asks, and with which rights. */
export interface Actor {
  readonly user: string;
  readonly isAdmin: boolean;
  /** What the token says, where the application wants to see it: a JSON object as text. */
  readonly payload?: string | undefined;
}

/** Who sends a message. His rights are looked at again once the application, which takes its time, has spoken of it. */
export interface Sender extends Actor {
  readonly origin: Origin;
}

/** Where something was asked: over a connection, which may have another token since, or over REST. */
export interface Origin {
  readonly address: ConnectionAddress | undefined;
  readonly key: SessionKey;
}

export type DeviceState = 'connecting' | 'alive' | 'suspect';

/** How a connection left a channel: of its own will, lost with the grace of LC3, or for good. */
export type Departure = 'left' | 'lost' | 'gone';

// --- connection: conn:{node}.{incarnation}.{number}

export type ConnectionMessage =
  | { readonly type: 'frame'; readonly text: string }
  /** A ping or a pong, to who listens for one. */
  | { readonly type: 'heard' }
  /** It went on over what it may send beside requests (LM11). */
  | { readonly type: 'abused' }
  | { readonly type: 'socketClosed'; readonly code: number }
  /** The socket holds more than its outbound limit, and less than half of it again (LM7). */
  | { readonly type: 'congested' | 'drained' }
  | ({ readonly type: 'measured'; readonly why: MeasureReason } & Measured)
  | { readonly type: 'verified'; readonly call: number; readonly verdict: Verdict }
  | { readonly type: 'degraded'; readonly features: readonly Feature[] }
  /** The node goes: close, and let the client come back after this long. */
  | { readonly type: 'drain'; readonly retryAfterMs: number }
  /** Its session was ended; its token is over by a wall clock that was set, which its timer does not follow (JW3). */
  | { readonly type: 'revoked' | 'outlived' }
  /** Who watches sessions knows nobody any more. */
  | { readonly type: 'sessionsRestarted' }
  /** To itself: the time for a first request is over (HS5). */
  | { readonly type: 'greetingOver' }
  | { readonly type: 'evicted'; readonly channel: Channel; readonly reason: OffReason }
  | { readonly type: 'relayLost'; readonly channel: Channel }
  /** The application may have another mind about who reads a room, or all that it is in. */
  | { readonly type: 'recheck'; readonly channel?: Channel };

export type ConnectionAddress = Address<ConnectionMessage>;

// --- relay: relay:{channel}

export interface Subscribe extends Actor {
  readonly type: 'subscribe';
  readonly connection: number;
  readonly address: ConnectionAddress;
  readonly state: DeviceState;
  /** Held against the log. */
  readonly position: GivenPosition | undefined;
}

/** The answer to {@link Subscribe}. Nothing is sent before a `start` says from where. */
export interface Subscribed {
  readonly head: number;
  /** The log has another message at the position that was asked about. */
  readonly isOther: boolean;
  /** Of a room. */
  readonly access: Access;
  readonly metadata: string;
}

export type RelayMessage =
  | Subscribe
  | { readonly type: 'start'; readonly connection: number; readonly after: number }
  | {
      readonly type: 'unsubscribe';
      readonly connection: number;
      readonly address: ConnectionAddress;
      readonly how: Departure;
    }
  | { readonly type: 'device'; readonly connection: number; readonly state: DeviceState }
  /** The connection's token was replaced by one with, or without, the scope that passes every check. */
  | { readonly type: 'scope'; readonly connection: number; readonly isAdmin: boolean }
  /** The socket takes batches again: read on where it stopped. */
  | { readonly type: 'catchUp'; readonly connection: number }
  | { readonly type: 'refused'; readonly connections: readonly number[]; readonly first: number }
  | Publication
  /** `continue`: to itself. Else the log may go further than was heard, or be another one: it is held against it (D21). */
  | { readonly type: 'continue' | 'logMoved' | 'timelineChanged' };

/** What a home tells the relays of its channel. */
export type Publication =
  | { readonly type: 'published'; readonly entries: readonly Entry[] }
  /** The log goes at least up to here. */
  | { readonly type: 'head'; readonly head: number }
  /** For those present, but for the connection at `from`. */
  | { readonly type: 'signal'; readonly frame: string; readonly from: string }
  /** How many are present (LM9), or who; to all, or to those who were not told of some who came and went. */
  | {
      readonly type: 'members';
      readonly room: string;
      readonly frame: string;
      readonly suspects: readonly Move[];
      readonly isForAll: boolean;
    }
  /** Who came, went and fell silent, in order. Who is named himself is told of others, of those after his coming. */
  | { readonly type: 'roster'; readonly room: string; readonly moves: readonly Move[] }
  /** The application may have another mind about who is here: about all, or one user. */
  | { readonly type: 'recheck'; readonly user: string | undefined }
  /** Those who lost their right. */
  | ({ readonly type: 'evict'; readonly reason: OffReason } & EvictedUsers)
  /** A new life of the home, which knows nobody yet; no home, since another has the channel; the log has lost its end. */
  | { readonly type: 'homeStarted' | 'homeDeposed' | 'rewound' };

/** Why somebody is put off: his right is gone, the room was deleted, or there is no such room any more (D21). */
export type OffReason = 'removed' | 'closed' | 'lost';

/** `null`: everybody, but for some. */
export interface EvictedUsers {
  readonly users: readonly string[] | null;
  readonly butFor?: readonly string[] | undefined;
  readonly spares: Spared;
}

/** Whose connections stay although their user is put off: those with every right, or none. */
export type Spared = 'admins' | 'nobody';

/** `presence` bears its frame: it is told to many. */
export type Move =
  | { readonly move: 'joined' | 'left'; readonly user: string }
  | { readonly move: 'presence'; readonly user: string; readonly frame: string };

export function relayAddress(channel: Channel): Address<RelayMessage> {
  return `relay:${channel}` as Address<RelayMessage>;
}

// --- home: broadcast, user:{id}, room:{id}

/** Makes a connection one of the channel's devices, and its node one that hears publications. */
export interface Enter extends Actor {
  readonly type: 'enter';
  readonly incarnation: Incarnation;
  readonly address: string;
  readonly state: DeviceState;
  /** It was let in before, by this life of the home or by one that is over. */
  readonly isAgain: boolean;
}

export interface Entered {
  readonly access: Access;
  readonly metadata: string;
}

interface Publish {
  readonly type: 'publish';
  readonly entry: NewEntry;
  /** Null: the engine's own publications, which need no right. */
  readonly by: Sender | null;
}

export interface Published {
  readonly seq: number;
  readonly at: number;
  readonly isDuplicate: boolean;
}

export interface PresencePage {
  readonly members: readonly {
    readonly user: string;
    readonly state: 'alive' | 'suspect';
    readonly since: number;
    readonly devices: number;
  }[];
  readonly total: number;
  readonly more: boolean;
}

/** `until`: ms since 1970, by the database's clock; null: for ever. */
export type SetBan =
  | { readonly type: 'ban'; readonly user: string; readonly until: number | null }
  | { readonly type: 'unban'; readonly user: string };

export interface CreateRoom {
  readonly type: 'create';
  readonly creator: string;
  /** The creator passes every check (RS4). */
  readonly isAdmin: boolean;
  readonly access: Access;
  readonly members: readonly string[];
  readonly metadata: string;
}

/** The answer to `spend`: 0, or in how many milliseconds the user may send a message again (LM2). */
export interface Spent {
  readonly retryAfterMs: number;
}

/** The answer to `admit`: whether one more connection of the user has a place (LM6). */
export interface Admitted {
  readonly isFull: boolean;
}

export type HomeMessage =
  | Enter
  /** A relay without devices hears publications too. */
  | { readonly type: 'announce'; readonly incarnation: Incarnation }
  | { readonly type: 'exit'; readonly address: string; readonly how: Departure }
  /** The node has no subscriber any more. */
  | { readonly type: 'withdraw'; readonly incarnation: Incarnation }
  | { readonly type: 'device'; readonly address: string; readonly state: DeviceState }
  | Publish
  | { readonly type: 'signal'; readonly address: string; readonly user: string; readonly data: unknown }
  | ({ readonly type: 'presence'; readonly after: string | undefined } & Actor)
  | CreateRoom
  | { readonly type: 'setMember'; readonly user: string; readonly isMember: boolean }
  | SetBan
  | { readonly type: 'delete' }
  /** To a room's home: the log has refused something to who is present. */
  | { readonly type: 'rightDoubted' }
  /** To a user's home: one message of the user's (LM2). */
  | { readonly type: 'spend' }
  /** To a user's home: one room of those that the user may make (LM13), and one that was not made after all. */
  | { readonly type: 'spendRoom' | 'giveRoomBack' }
  /** To a user's home: one more connection (LM6); `isKept`: its place is kept for a while. */
  | { readonly type: 'admit'; readonly isKept: boolean }
  /** To a user's home: the connection for which a place was kept is not made. */
  | { readonly type: 'giveBack' }
  /** The node goes: stop once nothing is under way. */
  | { readonly type: 'drain' }
  /** To a room's home: some of those present were not told who came and went. */
  | { readonly type: 'membersAgain' }
  /** To a room's home: who keeps the numbers of those present has forgotten them. */
  | { readonly type: 'countAgain' }
  | { readonly type: 'appended'; readonly results: readonly AppendResult[] }
  /** What the log held of this home's appends is lost: each may or may not be stored. */
  | { readonly type: 'logRestarted' }
  /** Another database may answer for the log, without the last of what the one before had (D21). */
  | { readonly type: 'timelineChanged' }
  /** The store answers again: who waits to try it need not wait longer. */
  | { readonly type: 'storeBack' };

/** Of actors that are homes. */
export const HOME_KINDS = ['broadcast', 'user', 'room'] as const;

export function homeAddress(channel: Channel): Address<HomeMessage> {
  return channel as unknown as Address<HomeMessage>;
}
