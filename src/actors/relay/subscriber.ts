import { channelKind, type Channel } from '../../protocol/channels.ts';
import type { GivenPosition } from '../positions.ts';
import type { ReplyTo } from '../../runtime/ports/actor.ts';
import {
  homeAddress,
  type ConnectionAddress,
  type DeviceState,
  type Entered,
  type OffReason,
  type Refusal,
  type Subscribe,
} from '../messages.ts';
import type { Outbox } from '../outbox.ts';
import type { CatchUpContext } from './catch-up.ts';
import type { ProofContext } from './proof.ts';
import type { StreamContext } from './stream.ts';

export interface SubscriberContext {
  /** `demoted`: it was in by a scope that its connection has lost. */
  readonly for: 'enter' | 'head' | 'reenter' | 'demoted';
  readonly connection: number;
  readonly serial: number;
  /** The newest seq that the relay had shown when it asked: a head below it is of a log that has lost its end. */
  readonly shown?: number;
}

/** Why something was asked: comes back with its answer. */
export type RelayContext = StreamContext | CatchUpContext | SubscriberContext | ProofContext;

/** One connection on a channel, as its relay knows it. */
export interface Subscriber {
  /** Which of the connection's subscriptions: an answer that was asked for an earlier one is not for this one. */
  readonly serial: number;
  readonly connection: number;
  readonly address: ConnectionAddress;
  readonly user: string;
  /** As the connection's token says now. */
  isAdmin: boolean;
  state: DeviceState;
  /** Where the client says that it is. */
  position: GivenPosition | undefined;
  /** Who waits for the answer to `subscribe`; undefined once it is given. */
  asker: ReplyTo | undefined;
  entered: Entered | undefined;
  /** It has been told that it is in. */
  isIn: boolean;
  /** How often the log had lost its end, as far as the relay knew, when it was told how far the log goes. */
  toldAt: number;
}

/**
 * Field by field, always the same and in the same order: objects made by spreading do not share one hidden class in V8,
 * which costs each some 600 bytes, and each loop over them several times its time.
 */
export function subscriberOf(
  { connection, address, user, isAdmin, state, position }: Omit<Subscribe, 'type'>,
  serial: number,
  asker: ReplyTo | undefined,
): Subscriber {
  const isIn = false;
  const toldAt = 0;
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
    isIn,
    toldAt,
  };
}

/** How long a right may take to be confirmed whose scope is gone; with the way there and back, 1 s (JW4). */
export const DEMOTED_MS = 800;

/** Why somebody who waits to be let in is put off. */
export const EVICTED = {
  removed: { error: 'forbidden', message: 'you are not a member of the room any more' },
  closed: { error: 'gone', message: 'the room was deleted' },
  lost: { error: 'not_found', message: 'there is no such room' },
} as const satisfies Record<OffReason, Refusal>;

/** What it means to who was in that his home will not have him. */
export function reasonOf({ error }: Refusal): OffReason {
  return error === 'gone' ? 'closed' : error === 'not_found' ? 'lost' : 'removed';
}

/** The application may have another mind about who is here, about all or one user: each connection asks for itself. */
export function tellRecheck(
  subscribers: Iterable<Subscriber>,
  channel: Channel,
  meant: string | undefined,
  out: Outbox,
): void {
  for (const { address, user } of subscribers)
    if (meant === undefined || meant === user) out.tell(address, { type: 'recheck', channel });
}

/** The place of each in the channel is lost. Some may be over already, and have told only their relay: the home hears too. */
export function tellLost(subscribers: Iterable<Subscriber>, channel: Channel, out: Outbox): void {
  for (const { address } of subscribers) {
    out.tell(address, { type: 'relayLost', channel });
    if (channelKind(channel) !== 'broadcast')
      out.tell(homeAddress(channel), { type: 'exit', address, how: 'lost' });
  }
}

export function unreachable(retryAfterMs: number): Refusal {
  return { error: 'unavailable', message: 'the channel cannot be reached right now', retryAfterMs };
}
