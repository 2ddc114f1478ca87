import { channelId, channelKind, clientName, type Channel } from '../../protocol/channels.ts';
import { isoTime } from '../../protocol/time.ts';
import type { Entry, StoreCalls } from '../../runtime/ports/log-store.ts';
import type { Move } from '../messages/relay.ts';
import type { FrameBatch } from '../../runtime/ports/sockets.ts';

/** An entry of the log as the frame its subscribers get (PU1, PU2): the same text live, replayed and in `history`. */
export function entryFrame(channel: Channel, entry: Entry): string {
  const { seq, id, sender, content, data, at, sentAt } = entry;
  const kind = channelKind(channel);
  if (kind !== 'room') {
    const action = kind === 'user' ? 'user_event' : 'broadcast';
    return (
      `{"type":"notification","action":"${action}","seq":${seq},"id":"${id}","data":${data ?? 'null'},` +
      `"timestamp":"${isoTime(at)}"}`
    );
  }
  // Room and id hold no character that JSON would escape (FR4, FR6).
  return (
    `{"type":"chat","room":"${channelId(channel)}","seq":${seq},"id":"${id}","from":${JSON.stringify(sender)},` +
    `"content":${JSON.stringify(content)},${data === null ? '' : `"data":${data},`}"timestamp":"${isoTime(at)}"` +
    (sentAt === null ? '}' : `,"sentAt":"${isoTime(sentAt)}"}`)
  );
}

/** A range that a connection will not be sent, because it is not kept any more (PU2). */
export function skippedFrame(channel: Channel, from: number, to: number): string {
  return JSON.stringify({
    type: 'notification',
    action: 'skipped',
    data: { channel: clientName(channel), from, to },
  });
}

/** The messages after `seq` that a connection got are not in the log any more, and it is live from there (PU2). */
export function resetFrame(channel: Channel, seq: number): string {
  return JSON.stringify({
    type: 'notification',
    action: 'reset',
    data: { channel: clientName(channel), seq },
  });
}

/** The result of reading a range. */
export type RangeRead = Pick<StoreCalls['page']['reply'], 'entries' | 'more' | 'first'>;

/**
 * How far a read takes a subscriber that stands before it: to its last entry while there is more, to its end when the
 * log goes there or begins behind it. A log that ends before it is neither, and the missing part is not called removed.
 */
export function reachedBy({ entries, more, first }: RangeRead, after: number, upTo: number): number {
  const last = entries[entries.length - 1]?.seq ?? after;
  if (more || last >= upTo) return last;
  return first !== undefined && first > upTo ? upTo : last;
}

/**
 * Entries as one batch that takes a subscriber from `after` to `upTo`.
 * The log has no holes of its own; where retention made one, the range is named.
 */
export function batchOf(
  channel: Channel,
  after: number,
  entries: readonly Entry[],
  upTo: number,
): FrameBatch {
  const frames: string[] = [];
  let last = after;
  for (const entry of entries) {
    if (entry.seq > last + 1) frames.push(skippedFrame(channel, last + 1, entry.seq - 1));
    frames.push(entryFrame(channel, entry));
    last = entry.seq;
  }
  if (last < upTo) frames.push(skippedFrame(channel, last + 1, upTo));
  return frameBatch(frames, after + 1, Math.max(last, upTo));
}

/**
 * A reset as a batch: it has no messages, so its `first` is below 0, and it takes its subscribers back to `last`.
 * See {@link resetIn}.
 */
export function resetBatch(channel: Channel, seq: number): FrameBatch {
  return frameBatch([resetFrame(channel, seq)], resetFirst(seq), seq);
}

/** The `first` of {@link resetBatch}. */
export function resetFirst(seq: number): number {
  return -1 - seq;
}

/** The seq to which a batch takes its subscribers back, by its `first`; undefined for a batch that is no reset. */
export function resetIn(first: number): number | undefined {
  return first < 0 ? -1 - first : undefined;
}

export function frameBatch(frames: readonly string[], first: number, last: number): FrameBatch {
  let size = 0;
  for (const frame of frames) size += frame.length;
  return { frames, first, last, size };
}

/** Two batches that follow each other, as one. */
export function mergeBatches(batches: readonly FrameBatch[]): FrameBatch {
  if (batches.length === 1) return batches[0] as FrameBatch;
  const first = batches[0]?.first ?? 0;
  const last = batches[batches.length - 1]?.last ?? 0;
  return frameBatch(
    batches.flatMap((batch) => batch.frames),
    first,
    last,
  );
}

/** The users who came, went and fell silent, as few frames (PU2). The events of one user stay in order. */
export function rosterFrames(room: string, moves: readonly Move[]): string[] {
  const joined = new Set<string>();
  const [left, leftAgain, presence]: [string[], string[], string[]] = [[], [], []];
  for (const move of moves)
    if (move.move === 'presence') presence.push(move.frame);
    else if (move.move === 'joined') joined.add(move.user);
    else (joined.has(move.user) ? leftAgain : left).push(move.user);
  const frame = (action: 'joined' | 'left', users: readonly string[]): string[] =>
    users.length > 0 ? [JSON.stringify({ type: 'notification', action, room, data: { users } })] : [];
  return [...frame('left', left), ...frame('joined', [...joined]), ...frame('left', leftAgain), ...presence];
}

/** The number of users present in a large room; with their names when names are sent from here on (LM9). */
export function membersFrame(room: string, count: number, users: readonly string[] | undefined): string {
  return JSON.stringify({ type: 'notification', action: 'members', room, data: { count, users } });
}

/** A signal: a user present sends it to the others, and it is not stored (RQ5). */
export function signalFrame(room: string, from: string, data: unknown): string {
  return JSON.stringify({ type: 'notification', action: 'signal', room, from, data });
}

/** A user present who has become silent, or is heard again (PU2). */
export function presenceFrame(
  room: string,
  { type: state, user, since }: { readonly type: string; readonly user: string; readonly since: number },
): string {
  const data = { user, state, since: isoTime(since) };
  return JSON.stringify({ type: 'notification', action: 'presence', room, data });
}
