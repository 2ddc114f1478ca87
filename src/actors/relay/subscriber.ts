import type { Channel } from '../../protocol/channels.ts';
import type { GivenPosition } from '../kit/positions.ts';
import type { Awaits, ReplyTo } from '../../runtime/ports/actor.ts';
import type { Place } from '../../runtime/ports/log-store.ts';
import type { Entered, Welcomed } from '../messages/home.ts';
import type { ConnectionAddress } from '../messages/connection.ts';
import type { LogReply } from '../messages/log.ts';
import type { DeviceState, OffReason, PutOffReason, Refusal } from '../messages/terms.ts';
import type { Subscribe } from '../messages/relay.ts';
import type { Effects } from '../kit/effects.ts';
import type { CatchUpContext } from './catch-up.ts';
import type { ProofContext } from './proof.ts';
import type { StreamContext } from './stream.ts';

/** Why the relay asks the home to admit a subscriber: it is new; the home may not know it; its token has lost a scope. */
export type EnterReason = 'enter' | 'reenter' | 'demoted';

/** The subscribers that the home was asked about, in the order of the question. */
export interface EnterContext extends Awaits<Welcomed | Refusal> {
  readonly for: 'enter';
  readonly of: readonly {
    readonly connection: number;
    readonly serial: number;
    readonly why: EnterReason;
  }[];
  /** How often the home had moved when it was asked. */
  readonly moves: number;
}

export interface SubscriberContext extends Awaits<LogReply<number | Place>> {
  readonly for: 'head';
  readonly connection: number;
  readonly serial: number;
  /** The newest seq that the relay had shown when it asked: a log with a lower head has lost its end. */
  readonly shown?: number;
}

/** The context of an ask, which comes back with the answer. */
export type RelayContext = EnterContext | StreamContext | CatchUpContext | SubscriberContext | ProofContext;

/** An eviction by a change with a number (D25). */
interface NumberedEviction {
  readonly number: number;
  readonly reason: OffReason;
}

/** One connection on a channel, as its relay knows it. */
export interface Subscriber {
  /** The number of the subscription: answers for an earlier one of the same connection do not count. */
  readonly serial: number;
  readonly connection: number;
  readonly address: ConnectionAddress;
  readonly user: string;
  /** By the connection's present token. */
  isAdmin: boolean;
  state: DeviceState;
  /** The position that the client named. */
  position: GivenPosition | undefined;
  /** The asker of `subscribe`; undefined after the answer. */
  asker: ReplyTo | undefined;
  entered: Entered | undefined;
  /** The number of a loss of a right (D25). The home has let the subscriber in after it; 0 before that. */
  losses: number;
  /** What it may have lost its right by while the home was asked. The home's answer shows whether it did. */
  eviction: NumberedEviction | undefined;
  /** Its `subscribe` was answered with success. */
  isIn: boolean;
  /** Why the relay asked the home again, until the home confirms the subscriber. */
  unsettled: Exclude<EnterReason, 'enter'> | undefined;
  /** The lowest seq that the channel was reset to since the subscriber's last answer; infinite without a reset. */
  resetTo: number;
}

/**
 * All fields, always in the same order: objects made by spreading do not share one hidden class in V8, which costs each of
 * them some 600 bytes, and a loop over them several times its time.
 */
export function subscriberOf(
  { connection, address, user, isAdmin, state, position }: Omit<Subscribe, 'type'>,
  serial: number,
  asker: ReplyTo | undefined,
): Subscriber {
  const isIn = false;
  const resetTo = Infinity;
  return {
    serial,
    connection,
    address,
    user,
    isAdmin,
    state,
    position,
    asker,
    entered: undefined,
    losses: 0,
    eviction: undefined,
    isIn,
    unsettled: undefined,
    resetTo,
  };
}

/** The answer to a subscriber that waits and is removed. */
export const EVICTED = {
  removed: { error: 'forbidden', message: 'you are not a member of the room any more' },
  closed: { error: 'gone', message: 'the room was deleted' },
  lost: { error: 'not_found', message: 'there is no such room' },
  unconfirmed: {
    error: 'unavailable',
    message: 'the right to the room could not be confirmed',
    retryAfterMs: 1_000,
  },
} as const satisfies Record<PutOffReason, Refusal>;

/** The reason that the refusal of a home is for a subscriber that was in. */
export function reasonOf({ error }: Refusal): OffReason {
  return error === 'gone' ? 'closed' : error === 'not_found' ? 'lost' : 'removed';
}

/** The application may decide otherwise now, about one user or all: each connection asks it again. */
export function tellRecheck(
  subscribers: Iterable<Subscriber>,
  channel: Channel,
  meant: string | undefined,
  out: Effects,
): void {
  for (const { address, user } of subscribers)
    if (meant === undefined || meant === user) out.tell(address, { type: 'recheck', channel });
}

/** The relay asks the home again. A right that went with a scope stays in doubt until the home confirms it (JW4). */
export function doubt(subscriber: Subscriber, why: Exclude<EnterReason, 'enter'>): void {
  if (subscriber.isAdmin || subscriber.unsettled !== 'demoted') subscriber.unsettled = why;
}

/** The home has confirmed the subscriber. */
export function settle(subscriber: Subscriber, why: Exclude<EnterReason, 'enter'>): void {
  if (subscriber.unsettled === why) subscriber.unsettled = undefined;
}

export function unreachable(retryAfterMs: number): Refusal {
  return { error: 'unavailable', message: 'the channel cannot be reached right now', retryAfterMs };
}

/** The channel was reset to `seq`: no subscriber has anything after it. */
export function noteReset(subscribers: Iterable<Subscriber>, seq: number): void {
  for (const subscriber of subscribers) subscriber.resetTo = Math.min(subscriber.resetTo, seq);
}
