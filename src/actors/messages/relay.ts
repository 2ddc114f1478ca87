import type { Channel } from '../../protocol/channels.ts';
import type { GivenPosition } from '../kit/positions.ts';
import type { Address, Question } from '../../runtime/ports/actor.ts';
import type { Access, Entry } from '../../runtime/ports/log-store.ts';
import type { Actor, Departure, DeviceState, OffReason, Refusal } from './terms.ts';
import type { ConnectionAddress } from './connection.ts';

// Messages to a relay: relay:{channel}

export interface Subscribe extends Actor, Question<Subscribed | Refusal> {
  readonly type: 'subscribe';
  readonly connection: number;
  readonly address: ConnectionAddress;
  readonly state: DeviceState;
  /** Held against the log. */
  readonly position: GivenPosition | undefined;
}

/** Asked, the relay answers when the connection is off the channel. */
interface Unsubscribe extends Question<object> {
  readonly type: 'unsubscribe';
  readonly connection: number;
  readonly address: ConnectionAddress;
  readonly how: Departure;
}

/** The answer to {@link Subscribe}. Nothing is sent before a `start` says from where. */
export interface Subscribed {
  readonly head: number;
  /** The log has another message at the position that was asked about. */
  readonly isOther: boolean;
  /** The lowest seq that the channel was reset to since the connection's last answer; infinite without a reset. */
  readonly resetTo: number;
  /**
   * Up to where the connection was sent the channel, or will be before a reset can follow. The head may lie behind that: if
   * the log loses it, no reset tells this connection.
   */
  readonly sent: number;
  /** `public` for a channel that is not a room. */
  readonly access: Access;
  readonly metadata: string;
}

export type RelayMessage =
  | Subscribe
  /** To itself: the home has to be asked about subscribers. */
  | { readonly type: 'enterRequestsWait' }
  | { readonly type: 'start'; readonly connection: number; readonly after: number }
  | Unsubscribe
  | { readonly type: 'device'; readonly connection: number; readonly state: DeviceState }
  /** The connection's token was replaced by one with, or without, the scope that passes every check. */
  | { readonly type: 'scope'; readonly connection: number; readonly isAdmin: boolean }
  /** The socket takes batches again: read on where it stopped. */
  | { readonly type: 'catchUp'; readonly connection: number }
  | { readonly type: 'refused'; readonly connections: readonly number[]; readonly first: number }
  | Publication
  /** `continue`: to itself. Else the log may go further than was heard, or be another one: it is held against it (D21). */
  | { readonly type: 'continue' | 'logMoved' | 'timelineChanged' }
  /** The homes of these shards live on another node than before. */
  | { readonly type: 'homesMoved'; readonly shards: ReadonlySet<number> };

/** Messages of a home to the relays of its channel. */
export type Publication =
  | { readonly type: 'published'; readonly entries: readonly Entry[] }
  /** The log goes at least up to here. */
  | { readonly type: 'head'; readonly head: number }
  /** For those present, but for the connection at `from`. */
  | { readonly type: 'signal'; readonly frame: string; readonly from: string }
  /** The number of users present (LM9), or their names; for all, or for those who missed joins and leaves. */
  | {
      readonly type: 'members';
      readonly room: string;
      readonly frame: string;
      readonly suspects: readonly Move[];
      readonly isForAll: boolean;
    }
  /**
   * The users who came, went and fell silent, in order. A user named here gets the others, from their own coming on.
   */
  | { readonly type: 'roster'; readonly room: string; readonly moves: readonly Move[] }
  /** The application may decide differently now about those present: about all, or one user. */
  | { readonly type: 'recheck'; readonly user: string | undefined }
  /** Users who lost their right. */
  | Eviction
  /**
   * A new generation of the home, which knows no subscriber yet; no home, since another node has the channel; the log has
   * lost its end.
   */
  | { readonly type: 'homeStarted' | 'homeDeposed' | 'rewound' };

/**
 * Users are put off. With a `number` (D25) it does not concern whom the home has let in after the change of that number, so it may
 * come late, and more than once: from the home, and from the node itself, which reads it in the database.
 */
export interface Eviction extends EvictedUsers {
  readonly type: 'evict';
  readonly reason: OffReason;
  readonly number?: number | undefined;
}

/** `null`: all users, but for some. */
interface EvictedUsers {
  readonly users: readonly string[] | null;
  readonly butFor?: readonly string[] | undefined;
  readonly spares: Spared;
}

/** The connections that stay although their user is put off: those with every right, or none. */
export type Spared = 'admins' | 'nobody';

/** `presence` has its frame with it, since many get it. */
export type Move =
  | { readonly move: 'joined' | 'left'; readonly user: string }
  | { readonly move: 'presence'; readonly user: string; readonly frame: string };

export function relayAddress(channel: Channel): Address<RelayMessage> {
  return `relay:${channel}` as Address<RelayMessage>;
}
