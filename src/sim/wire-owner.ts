import type { Chats } from './chats.ts';
import type { Seen } from './expectations.ts';
import type { LogChecker } from './log-checker.ts';
import type { Timeline } from './timeline.ts';
import type { Violate } from './violation.ts';

// oxlint-disable-next-line typescript/no-explicit-any -- of what a server sends, each field is looked at where it is used
export type Frame = Record<string, any>;

/** What a checker needs of the world. */
export interface WireWorld {
  readonly timeline: Timeline;
  readonly log: LogChecker;
  readonly violate: Violate;
  readonly replayMax: number;
}

/** The client that a connection belongs to: what it knows across connections. */
export interface WireOwner {
  readonly name: string;
  readonly user: string;
  readonly chats: Chats;
  /** Where it is in each channel, by its own names. */
  readonly positions: Map<string, Seen>;
}

/** For a client that has no code of its own to read frames. */
export interface WireListener {
  /** The server has let it in. */
  welcomed(): void;
  /** A request was refused, and may be tried again after a while. */
  refused(request: Frame, retryAfterMs: number): void;
}
