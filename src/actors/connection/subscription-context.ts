import { roomChannel, type Channel } from '../../protocol/channels.ts';
import type { RequestOf } from '../../protocol/requests.ts';
import type { Awaits } from '../../runtime/ports/actor.ts';
import type { GivenPosition } from '../kit/positions.ts';
import type { Subscribed } from '../messages/relay.ts';
import type { Refusal } from '../messages/terms.ts';
import type { Permit } from './permits.ts';
import type { Wanted } from './resume.ts';

/** One channel of a `resume`, while its relay is asked. */
export interface ResumeContext extends Awaits<Subscribed | Refusal> {
  readonly for: 'resume';
  readonly wanted: Wanted;
  /** The channel was not joined before. */
  readonly isNew: boolean;
  /** It was, and is live: a place is not given to it twice. */
  readonly isPlaced: boolean;
}

/** One room of a `join`, while its relay is asked. */
export interface JoinContext extends Awaits<Subscribed | Refusal> {
  readonly for: 'join';
  readonly request: RequestOf<'join'>;
  readonly position: GivenPosition | undefined;
}

/** One of the two channels of everyone; `position`: where the client wants to go on, if it has said so. */
export interface BaseContext extends Awaits<Subscribed | Refusal> {
  readonly for: 'base';
  readonly channel: Channel;
  readonly position: GivenPosition | undefined;
}

/** A room that is to be entered, while the application is asked: who is in it reads it, too. */
export interface AuthorizeContext extends Permit<JoinContext | ResumeContext> {
  readonly for: 'authorize';
  readonly action: 'join' | 'read';
}

/** A room that is left, while its relay is asked. */
export interface LeaveContext extends Awaits<object> {
  readonly for: 'leave';
  readonly request: RequestOf<'leave'>;
}

/** A channel whose relay is asked to let the connection in. */
export type EnteringContext = BaseContext | JoinContext | ResumeContext;

/** Why a relay or the application was asked: comes back with the answer. */
export type SubscriptionContext = EnteringContext | AuthorizeContext | LeaveContext;

/** The channel that was asked about. */
export function channelOf(context: SubscriptionContext): Channel {
  switch (context.for) {
    case 'base':
      return context.channel;
    case 'resume':
      return context.wanted.channel;
    case 'authorize':
      return channelOf(context.next);
    default:
      return roomChannel(context.request.room);
  }
}

/** Where the client is in it, as far as it has said so. */
export function positionIn(context: EnteringContext): GivenPosition | undefined {
  return context.for === 'resume' ? context.wanted.position : context.position;
}
