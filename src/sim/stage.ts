import type { HomeMessage } from '../actors/messages.ts';
import type { Channel } from '../protocol/channels.ts';
import type { ActingClient } from './acting-client.ts';
import type { SimDatabase } from './database.ts';
import type { LogChecker } from './log-checker.ts';
import type { SimNode } from './node.ts';
import type { Random } from './random.ts';
import type { Settings } from './settings.ts';
import type { Timeline } from './timeline.ts';
import type { Trace } from './trace.ts';

/** What those see of the world who make something happen in it. */
export interface Stage {
  readonly timeline: Timeline;
  readonly trace: Trace;
  readonly settings: Settings;
  readonly database: SimDatabase;
  readonly log: LogChecker;
  readonly clients: readonly ActingClient[];
  /** The process that runs now, if one does. */
  readonly node: SimNode | undefined;
  /** Something is asked of a channel's home without a client. */
  askHome(channel: Channel, message: HomeMessage): void;
  /** Another owner claims a channel. */
  rival(random: Random): void;
}
