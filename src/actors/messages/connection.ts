import type { Channel } from '../../protocol/channels.ts';
import type { Feature } from '../../protocol/pushes.ts';
import type { SessionKey } from '../../protocol/revocation.ts';
import type { Address } from '../../runtime/ports/actor.ts';
import type { MeasureReason } from '../../runtime/ports/effects.ts';
import type { Measured } from '../../runtime/ports/sockets.ts';
import type { Verdict } from '../../runtime/ports/tokens.ts';
import type { Actor, PutOffReason } from './terms.ts';

// Messages to a connection: conn:{node}.{incarnation}.{number}

/** Where something was asked: over a connection, which may have another token since, or over REST. */
export interface Origin {
  readonly address: ConnectionAddress | undefined;
  readonly key: SessionKey;
}

/** The sender of a message. Its rights are checked again once the application, which takes its time, has answered. */
export interface Sender extends Actor {
  readonly origin: Origin;
}

/** What does not work without the store. */
export const STORE_FEATURES: readonly Feature[] = ['chat', 'history'];

/** What does not work while other nodes cannot be reached. */
export const CLUSTER_FEATURES: readonly Feature[] = ['cluster'];

export type ConnectionMessage =
  | { readonly type: 'frame'; readonly text: string }
  /** A ping or a pong, for a connection that listens for one. */
  | { readonly type: 'heard' }
  /** It went on over what it may send beside requests (LM11). */
  | { readonly type: 'abused' }
  | { readonly type: 'socketClosed'; readonly code: number }
  /** The socket holds more than its outbound limit, and less than half of it again (LM7). */
  | { readonly type: 'congested' | 'drained' }
  | ({ readonly type: 'measured'; readonly why: MeasureReason } & Measured)
  | { readonly type: 'verified'; readonly call: number; readonly verdict: Verdict }
  /** These features do not work, and the others of `among` do. */
  | { readonly type: 'degraded'; readonly among: readonly Feature[]; readonly features: readonly Feature[] }
  /** The node goes: close, and let the client come back after this long. */
  | { readonly type: 'drain'; readonly retryAfterMs: number }
  /** Its session was ended; its token is over by a wall clock that was set, which its timer does not follow (JW3). */
  | { readonly type: 'revoked' | 'outlived' }
  /** The actor that watches sessions has forgotten all connections. */
  | { readonly type: 'sessionsRestarted' }
  /** To itself: the time for a first request is over (HS5). */
  | { readonly type: 'greetingOver' }
  | { readonly type: 'evicted'; readonly channel: Channel; readonly reason: PutOffReason }
  | { readonly type: 'relayLost'; readonly channel: Channel }
  /** The application may decide differently now about reading a room, or about all rooms of the connection. */
  | { readonly type: 'recheck'; readonly channel?: Channel };

export type ConnectionAddress = Address<ConnectionMessage>;
