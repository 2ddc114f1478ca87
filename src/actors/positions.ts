import { channelKind, type Channel } from '../protocol/channels.ts';
import type { Position } from '../protocol/requests.ts';
import type { Mark } from '../runtime/ports/log-store.ts';

/** Another log's: whatever its number is, it lies above the head of this one. */
const OF_ANOTHER_LOG: Position = { seq: Infinity };

/** What a frame says of where its client is; undefined: from now on. */
export function positionOf(
  since: Position | undefined,
  named: string | undefined,
  log: string,
): Position | undefined {
  return since !== undefined && named !== undefined && named !== log ? OF_ANOTHER_LOG : since;
}

/** Where the log is to be asked which message it has; undefined: a number alone is believed. */
export function seqToProve(position: Position | undefined): number | undefined {
  return position?.id !== undefined && position.seq < Infinity ? position.seq : undefined;
}

/** Whether a head that was read before says all there is to say: of a log of another name, or of a number up to it. */
export function isPlainIn(position: Position, head: number): boolean {
  if (seqToProve(position) !== undefined) return false;
  return position.seq <= head || position.seq === Infinity;
}

/**
 * Whether the log has another message where a client has seen one. `at`: what it has there; one that is not kept any
 * more cannot be compared (RQ2). Frames of the two channels of everyone do not say who has published.
 */
export function isOtherAt(channel: Channel, { id, from }: Position, at: Mark | null): boolean {
  if (at === null) return false;
  return at.id !== id || (channelKind(channel) === 'room' && from !== undefined && at.sender !== from);
}
