import type { SentMessages } from './sent-messages.ts';
import type { Seen } from './expectations.ts';
import type { LogChecker } from './log-checker.ts';
import type { Timeline } from '../kit/timeline.ts';
import type { Violate } from '../kit/violation.ts';

// oxlint-disable-next-line typescript/no-explicit-any -- each field of a server's frame is checked where it is used
export type Frame = Record<string, any>;

/** What a checker needs of the world. */
export interface WireWorld {
  readonly timeline: Timeline;
  readonly log: LogChecker;
  readonly violate: Violate;
  readonly replayMax: number;
}

/** The client behind a connection: what it keeps across connections. */
export interface WireOwner {
  readonly name: string;
  readonly user: string;
  readonly messages: SentMessages;
  /** The client's position in each channel, by the client's name for it. */
  readonly positions: Map<string, Seen>;
}

/** Events for a client without its own code for frames. */
export interface WireListener {
  /** The server has accepted the client. */
  welcomed(): void;
  /** The server refused a request, which may be retried after a while. */
  refused(request: Frame, retryAfterMs: number): void;
}
