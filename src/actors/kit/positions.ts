import { channelKind, type Channel } from '../../protocol/channels.ts';
import type { Position } from '../../protocol/requests.ts';
import { isSameDatabase } from '../../protocol/log-name.ts';
import type { Mark } from '../../runtime/ports/log-store.ts';

/** Where a client says that it is. */
export interface GivenPosition extends Position {
  /** It is of another timeline of the log (D21), where other messages may have its numbers: only its message proves it. */
  readonly mustBeProven?: true;
}

/** Another log's: whatever its number is, it lies above the head of this one. */
const OF_ANOTHER_LOG: GivenPosition = { seq: Infinity };

/** The position that a frame names for its client; undefined: from now on. */
export function positionOf(
  since: Position | undefined,
  named: string | undefined,
  log: string,
): GivenPosition | undefined {
  if (since === undefined || named === undefined || named === log) return since;
  if (!isSameDatabase(named, log)) return OF_ANOTHER_LOG;
  // Before the first message there is nothing that could be another.
  if (since.id === undefined) return since.seq === 0 ? since : OF_ANOTHER_LOG;
  return { ...since, mustBeProven: true };
}

/** Where the log is to be asked which message it has; undefined: a number alone is believed. */
export function seqToProve(position: GivenPosition | undefined): number | undefined {
  return position?.id !== undefined && position.seq < Infinity ? position.seq : undefined;
}

/** Whether a head that was read before says all there is to say: of a log of another name, or of a number up to it. */
export function isPlainIn(position: GivenPosition, head: number): boolean {
  if (seqToProve(position) !== undefined) return false;
  return position.seq <= head || position.seq === Infinity;
}

/**
 * Whether the log has another message where a client has seen one. `mark`: what it has there; a message that was removed
 * cannot be compared (RQ2), which proves nothing. Frames of `broadcast` and of the user's channel do not name the
 * sender. A message that was lost and sent again was stored at another time, and others may lie before it.
 */
export function isOtherAt(
  channel: Channel,
  { id, from, at, mustBeProven }: GivenPosition,
  mark: Mark | null,
): boolean {
  if (mark === null) return mustBeProven === true;
  if (mark.id !== id || (at !== undefined && mark.at !== at)) return true;
  return channelKind(channel) === 'room' && from !== undefined && mark.sender !== from;
}
