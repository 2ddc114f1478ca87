import type { SimNetwork } from '../ports/sim-network.ts';
import type { HomeMessage } from '../../actors/messages/home.ts';
import type { Channel } from '../../protocol/channels.ts';
import type { ClientDriver } from '../clients/client-driver.ts';
import type { SimDatabase } from '../ports/database.ts';
import type { LogChecker } from '../checkers/log-checker.ts';
import type { SimNode } from './node.ts';
import type { Random } from '../kit/random.ts';
import type { Settings } from './settings.ts';
import type { Timeline } from '../kit/timeline.ts';
import type { Trace } from '../kit/trace.ts';

/** The part of the world that workload and faults use. */
export interface Stage {
  /** There are several nodes, which reach each other by this network. */
  readonly isCluster: boolean;
  readonly network: SimNetwork;
  readonly timeline: Timeline;
  readonly trace: Trace;
  readonly settings: Settings;
  readonly database: SimDatabase;
  readonly log: LogChecker;
  readonly clients: readonly ClientDriver[];
  /** The running process; undefined while there is none. */
  readonly node: SimNode | undefined;
  /** Sends a command to a channel's home without a client. */
  askHome(channel: Channel, message: HomeMessage): void;
  /** Another owner claims a channel. */
  rival(random: Random): void;
}
