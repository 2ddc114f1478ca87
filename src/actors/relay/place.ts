import type { Channel } from '../../protocol/channels.ts';
import type { Place } from '../../runtime/ports/log-store.ts';
import { LOG, type LogReply } from '../messages/log.ts';
import type { Effects } from '../kit/effects.ts';
import { isOtherAt, seqToProve, type GivenPosition } from '../kit/positions.ts';
import type { Subscriber, SubscriberContext } from './subscriber.ts';
import type { Shown } from './trail.ts';

/** Asks the log for a channel's head, and for the entry at the subscriber's position. */
export function askPlace(
  channel: Channel,
  { connection, serial, position }: Subscriber,
  { deadlineMs, shown }: { readonly deadlineMs: number; readonly shown: number },
  out: Effects,
): void {
  const context: SubscriberContext = { for: 'head', connection, serial, shown };
  const seq = seqToProve(position);
  const message =
    seq === undefined ? ({ type: 'head', channel } as const) : ({ type: 'place', channel, seq } as const);
  out.ask(LOG, message, { deadlineMs, context });
}

/** The answer to {@link askPlace}. */
export type PlaceReply = LogReply<number | Place>;

/** A channel's head, and whether it has another message at the subscriber's position. */
export interface Found {
  readonly head: number;
  readonly isOther: boolean;
  /** The log's entry there, if the subscriber has seen it. */
  readonly mark: Shown | undefined;
}

/** Compares the log's answer with the subscriber's position. */
export function foundAt(
  channel: Channel,
  position: GivenPosition | undefined,
  answer: number | Place,
  out: Effects,
): Found {
  const { head, at } = typeof answer === 'number' ? { head: answer, at: null } : answer;
  // The log may grow past the position after this answer, and then has another message there.
  const isAbove = position !== undefined && position.seq > head;
  const isOther = isAbove || (position !== undefined && isOtherAt(channel, position, at));
  if (isOther) out.count(reasonOf(position, isAbove));
  const mark = position && at && !isOther ? { seq: position.seq, ...at } : undefined;
  return { head, isOther, mark };
}

function reasonOf({ seq }: GivenPosition, isAbove: boolean): string {
  if (seq === Infinity) return 'reset_other_log';
  return isAbove ? 'reset_above_head' : 'reset_other_message';
}
