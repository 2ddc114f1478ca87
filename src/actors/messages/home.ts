import type { Channel } from '../../protocol/channels.ts';
import type { Address, Question } from '../../runtime/ports/actor.ts';
import type { Access, NewEntry } from '../../runtime/ports/log-store.ts';
import type { Incarnation, View } from '../../runtime/ports/placement.ts';
import type { AppendResult } from './log.ts';
import type { Actor, Departure, DeviceState, Refusal } from './terms.ts';
import type { Sender } from './connection.ts';

// Messages to a home: broadcast, user:{id}, room:{id}

/** Devices in one {@link Enter}: some 75 KB when it leaves the node. */
export const ENTER_MAX = 500;

/**
 * Makes connections devices of the channel, and their node one that hears publications. Without devices it does the latter
 * only: `broadcast` has no presence.
 */
export interface Enter extends Question<Welcomed | Refusal> {
  readonly type: 'enter';
  readonly incarnation: Incarnation;
  readonly devices: readonly EnteringDevice[];
}

export interface EnteringDevice extends Actor {
  readonly address: string;
  readonly state: DeviceState;
  /** The channel has let it in before, by this generation of the home or by an earlier one. */
  readonly isAgain: boolean;
}

export interface Entered {
  readonly access: Access;
  readonly metadata: string;
}

/** The answer for each device of a channel that is not a room. */
export const PUBLIC: Entered = { access: 'public', metadata: '{}' };

/** The answer to `enter`. */
export interface Welcomed {
  /** In the order of the question. */
  readonly devices: readonly (Entered | Refusal)[];
  /**
   * How far the log goes: what the home appends from here on, it publishes to the subscriber's node. Undefined while the
   * home does not know.
   */
  readonly head: number | undefined;
  /**
   * The number of the newest loss of a right that a room's home knew (D25). It has let the devices in after that one.
   */
  readonly losses?: number | undefined;
}

interface Publish extends Question<Published | Refusal> {
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
export type SetBan = Question<Done | Refusal> &
  (
    | { readonly type: 'ban'; readonly user: string; readonly until: number | null }
    | { readonly type: 'unban'; readonly user: string }
  );

/** The answer to a change that was made. */
type Done = Readonly<Record<string, never>>;

export interface CreateRoom extends Question<Done | Refusal> {
  readonly type: 'create';
  readonly creator: string;
  /** The creator passes every check (RS4). */
  readonly isAdmin: boolean;
  readonly access: Access;
  readonly members: readonly string[];
  readonly metadata: string;
}

/** To a user's home: asks for a loan (D23). `wanted` chats wait; `unused` messages are left of the loan before. */
interface Lend extends Question<Lent> {
  readonly type: 'lend';
  readonly address: string;
  readonly wanted: number;
  readonly unused: number;
}

/** The largest loan (D23). */
export const LOAN_MAX = 8;

/**
 * The answer to `lend`. Either a loan of `count` messages, to be used within `forMs` of the question, or a `count` of 0
 * and the milliseconds until there is a message.
 */
export interface Lent {
  readonly count: number;
  readonly forMs: number;
  readonly retryAfterMs: number;
}

/** The answer to `spend` and `spendRoom`: 0, or in how many milliseconds the user may send a message again (LM2). */
export interface Spent {
  readonly retryAfterMs: number;
}

/** The answer to `admit`: whether one more connection of the user has a place (LM6). */
export interface Admitted {
  readonly isFull: boolean;
}

export type HomeMessage =
  | Enter
  | { readonly type: 'exit'; readonly address: string; readonly how: Departure }
  /** The node has no subscriber any more. */
  | { readonly type: 'withdraw'; readonly incarnation: Incarnation }
  | { readonly type: 'device'; readonly address: string; readonly state: DeviceState }
  | Publish
  | { readonly type: 'signal'; readonly address: string; readonly user: string; readonly data: unknown }
  | ({ readonly type: 'presence'; readonly after: string | undefined } & Actor &
      Question<PresencePage | Refusal>)
  | CreateRoom
  /** `isPublic`: a public room needs no members, so nothing was changed. */
  | ({ readonly type: 'setMember'; readonly user: string; readonly isMember: boolean } & Question<
      Done | { readonly isPublic: true } | Refusal
    >)
  | SetBan
  | ({ readonly type: 'delete' } & Question<Done | Refusal>)
  /** To a room's home: the log has refused something to a user who is present. */
  | { readonly type: 'rightDoubted' }
  /** To a user's home: takes one of the user's messages for REST (LM2). */
  | ({ readonly type: 'spend' } & Question<Spent>)
  | Lend
  /** To a user's home: the connection is over, and has not used so many messages of its loan. */
  | { readonly type: 'returnLoan'; readonly address: string; readonly unused: number }
  /** To a user's home: one room of those that the user may make (LM13), and one that was not made after all. */
  | ({ readonly type: 'spendRoom' } & Question<Spent>)
  | { readonly type: 'giveRoomBack' }
  /** To a user's home: one more connection (LM6); `isKept`: its place is kept for a while. */
  | ({ readonly type: 'admit'; readonly isKept: boolean } & Question<Admitted>)
  /** To a user's home: the connection for which a place was kept is not made. */
  | { readonly type: 'giveBack' }
  /** The node goes: stop once nothing is under way. */
  | { readonly type: 'drain' }
  /** Homes live where this view says. One that is not at its place takes no more, and stops once nothing is under way. */
  | { readonly type: 'placed'; readonly view: View }
  /** Whether others may think this node dead: then another home of the channel may have begun (D11). */
  | { readonly type: 'nodeDoubted'; readonly isDoubtful: boolean }
  /** To a room's home: some of those present missed joins and leaves. */
  | { readonly type: 'membersAgain' }
  /** To a room's home: the directory has forgotten how many are present. */
  | { readonly type: 'countAgain' }
  /** To a room's home: something that it has published may not have come to this node. */
  | { readonly type: 'missedByNode'; readonly incarnation: Incarnation }
  | { readonly type: 'appended'; readonly results: readonly AppendResult[] }
  /** The log has lost the appends that this home gave to it: each may or may not be stored. */
  | { readonly type: 'logRestarted' }
  /** Another database may answer for the log, without the last of what the one before had (D21). */
  | { readonly type: 'timelineChanged' }
  /** The store answers again: a home that waits to try it need not wait longer. */
  | { readonly type: 'storeBack' };

const IN_PROCESS = [
  'drain',
  'placed',
  'nodeDoubted',
  'countAgain',
  'missedByNode',
  'appended',
  'logRestarted',
  'timelineChanged',
  'storeBack',
] as const satisfies readonly HomeMessage['type'][];

/** Messages that only the home's own node sends. */
export type InProcess = (typeof IN_PROCESS)[number];

const STAYING: ReadonlySet<HomeMessage['type']> = new Set(IN_PROCESS);

/** Whether the message is only for a home on the node that sends it. */
export function staysOnNode({ type }: HomeMessage): boolean {
  return STAYING.has(type);
}

/** The kinds of actors that are homes. */
export const HOME_KINDS = ['broadcast', 'user', 'room'] as const;

export function homeAddress(channel: Channel): Address<HomeMessage> {
  return channel as unknown as Address<HomeMessage>;
}
