import { roomChannel, type Channel } from '../../protocol/channels.ts';
import type { RequestOf } from '../../protocol/requests.ts';
import type { Wanted } from './resume.ts';

/** One channel of a `resume`, while its relay is asked. */
export interface ResumeContext {
  readonly for: 'resume';
  readonly wanted: Wanted;
  /** The channel was not joined before. */
  readonly isNew: boolean;
  /** It was, and is live: a place is not given to it twice. */
  readonly isPlaced: boolean;
}

/** Why a relay was asked: comes back with its answer. */
export type SubscriptionContext =
  | { readonly for: 'base'; readonly channel: Channel }
  | { readonly for: 'join'; readonly request: RequestOf<'join'> }
  | ResumeContext
  | { readonly for: 'leave'; readonly request: RequestOf<'leave'> };

/** The channel that was asked about. */
export function channelOf(context: SubscriptionContext): Channel {
  switch (context.for) {
    case 'base':
      return context.channel;
    case 'resume':
      return context.wanted.channel;
    default:
      return roomChannel(context.request.room);
  }
}
