import type { Channel } from '../../protocol/channels.ts';
import type { Place } from '../../runtime/ports/log-store.ts';
import { LOG } from '../messages.ts';
import type { Outbox } from '../outbox.ts';
import { isOtherAt, seqToProve, type GivenPosition } from '../positions.ts';
import type { Subscriber, SubscriberContext } from './subscriber.ts';
import type { Shown } from './trail.ts';

/** Asks for a channel's head, and for what it has where a subscriber says that it is. */
export function askPlace(
  channel: Channel,
  { connection, serial, position }: Subscriber,
  { deadlineMs, shown }: { readonly deadlineMs: number; readonly shown: number },
  out: Outbox,
): void {
  const context: SubscriberContext = { for: 'head', connection, serial, shown };
  const seq = seqToProve(position);
  const message =
    seq === undefined ? ({ type: 'head', channel } as const) : ({ type: 'place', channel, seq } as const);
  out.ask(LOG, message, { deadlineMs, context });
}

/** What the answer says: how far the channel goes, and whether it has another message there. */
export function foundAt(
  channel: Channel,
  position: GivenPosition | undefined,
  answer: number | Place,
  out: Outbox,
): { readonly head: number; readonly isOther: boolean; readonly mark: Shown | undefined } {
  const { head, at } = typeof answer === 'number' ? { head: answer, at: null } : answer;
  // By the time it is answered the log may have grown past it: what is there then is something else.
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
