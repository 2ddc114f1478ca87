import type { Channel } from '../../protocol/channels.ts';
import type { Entry } from './log-store.ts';

/** The state of a room, for other programs (LC4). */
export interface LiveRoom {
  /** The newest seq; absent while the home does not know. */
  readonly head?: number;
  /** Users present. */
  readonly present?: number;
}

/** Tells other programs what homes do. All of it may be lost, and nothing here reads it again. */
export interface Announcer {
  /** Messages were stored (RC2), in this order. */
  stored(channel: Channel, entries: readonly Entry[]): void;
  live(room: string, state: LiveRoom): void;
}
