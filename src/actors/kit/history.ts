import { channelId, channelKind, clientName, type Channel } from '../../protocol/channels.ts';
import { WIRE_LIMITS } from '../../protocol/limits.ts';
import { utf8Bytes } from '../../protocol/size.ts';
import type { PageStart } from '../../runtime/ports/log-store.ts';
import { entryFrame } from './frames.ts';
import type { Page } from '../messages/log.ts';
import type { Actor, Refusal } from '../messages/terms.ts';
import type { PageRequest } from '../messages/log.ts';

/** The part of a channel that a reader wants (RQ6): after a seq, before one, or the newest. */
export interface HistoryQuery {
  readonly after?: number | undefined;
  readonly before?: number | undefined;
  /** 1 to 200; default 50. */
  readonly limit?: number | undefined;
}

/** The page of the log that answers it. The right to a room is checked in the same snapshot (JW4). */
export function historyRequest(channel: Channel, query: HistoryQuery, { user, isAdmin }: Actor): PageRequest {
  return {
    channel,
    start: pageStart(query),
    limit: query.limit ?? WIRE_LIMITS.historyLimitDefault,
    bytesMax: WIRE_LIMITS.historyBytesMax,
    reader: channelKind(channel) === 'room' ? { user, isAdmin } : null,
    by: user,
  };
}

function pageStart({ after, before }: HistoryQuery): PageStart {
  if (after !== undefined) return { after };
  return before !== undefined ? { before } : 'newest';
}

/**
 * The fields of the result, as JSON text without braces: `"channel":…,"room":…,"messages":[…],"more":…`.
 * Messages are whole frames, as they were sent live. `autoCreate`: a room that has no record is empty (FR7).
 */
export function historyFields(
  channel: Channel,
  query: HistoryQuery,
  page: Page,
  autoCreate: boolean,
): string | Refusal {
  const room = channelKind(channel) === 'room' ? channelId(channel) : undefined;
  const { grant, entries, more } = page;
  if (grant === 'forbidden')
    return { error: 'forbidden', message: 'the room is private, and you are not a member' };
  if (grant === 'banned') return { error: 'forbidden', message: 'you are banned from this room' };
  if (grant === 'gone') return { error: 'gone', message: 'the room was deleted' };
  if (grant === 'lost' || (grant === 'absent' && room !== undefined && !autoCreate))
    return { error: 'not_found', message: 'there is no such room' };
  const frames = entries.map((entry) => entryFrame(channel, entry));
  const kept = fitting(frames, query.after !== undefined);
  const place = room === undefined ? '' : `"room":"${room}",`;
  const isMore = more || kept.length < frames.length;
  return `"channel":"${clientName(channel)}",${place}"messages":[${kept.join(',')}],"more":${isMore}`;
}

/** As many frames as a result may hold (RQ6), from the end where the reader stands; at least one. */
function fitting(frames: readonly string[], isForward: boolean): readonly string[] {
  const order = isForward ? frames : [...frames].toReversed();
  let bytes = 0;
  let count = 0;
  for (const frame of order) {
    bytes += utf8Bytes(frame) + 1;
    if (bytes > WIRE_LIMITS.historyBytesMax && count > 0) break;
    count++;
  }
  return isForward ? frames.slice(0, count) : frames.slice(frames.length - count);
}
