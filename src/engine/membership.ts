import { LinkedBus } from '../cluster/links/linked-bus.ts';
import { localPlacement } from '../cluster/local-placement.ts';
import { viewPlacement } from '../cluster/view-placement.ts';
import type { Config } from '../config/index.ts';
import { readRedisUrl } from '../config/redis-url.ts';
import { newIncarnation } from '../host/system-entropy.ts';
import type { Bus } from '../runtime/ports/bus.ts';
import type { Clock } from '../runtime/ports/clock.ts';
import type { LostReason } from '../runtime/ports/effects.ts';
import type { Placement } from '../runtime/ports/placement.ts';
import type { Telemetry } from '../runtime/ports/telemetry.ts';
import { HmacSealer } from '../transport/bus/hmac-sealer.ts';
import { LocalBus } from '../transport/bus/local-bus.ts';
import { RedisCarrier } from '../transport/bus/redis-carrier.ts';
import type { LineState } from '../transport/bus/redis-line.ts';
import { EngineError } from './engine-error.ts';
import { OtherPrograms } from './other-programs.ts';

/** How this process takes part in a cluster, or in none. */
export interface Membership {
  readonly placement: Placement;
  readonly bus: Bus;
  /** Undefined without a cluster; an edge takes no homes. */
  readonly cluster: { readonly takesHomes: boolean } | undefined;
  /** The way to other nodes; undefined without a cluster. */
  state(): LineState | undefined;
  /** Other programs on the same Redis; undefined without one. */
  readonly others: OtherPrograms | undefined;
  close(): void;
}

/** The process joins a cluster when there is a Redis, by which its nodes reach each other. */
export function joinCluster(config: Config, clock: Clock, telemetry: Telemetry): Membership {
  const { node, redisUrl, clusterSecret, role, redisPrefix: prefix } = config;
  const alone = `${node}.${newIncarnation()}`;
  const place = redisUrl === undefined ? undefined : readRedisUrl(redisUrl);
  if (!place || clusterSecret === undefined)
    return {
      placement: localPlacement(alone),
      bus: new LocalBus(),
      cluster: undefined,
      state: () => undefined,
      others: undefined,
      close: () => {},
    };
  const sealer = new HmacSealer(clusterSecret);
  const self = `${alone}-${sealer.fingerprint}`;
  const carrier = new RedisCarrier({ self, place, prefix, telemetry });
  const placement = viewPlacement(self);
  const others = new OtherPrograms(config, place, placement, telemetry);
  return {
    placement,
    others,
    bus: new LinkedBus({ self, carrier, sealer, telemetry, now: () => clock.now() }),
    cluster: { takesHomes: role === 'node' },
    state: () => carrier.state,
    close: () => {
      carrier.close();
      others.close();
    },
  };
}

const LOST: Readonly<Record<LostReason, string>> = {
  declared_dead:
    'this process did not renew its lease in time, so other nodes have its channels: it ends, and should be started again',
  node_taken: 'another process is the node of this name: each node needs its own VAGUS_NODE_ID (node)',
  other_secret:
    'other nodes have another VAGUS_CLUSTER_SECRET (clusterSecret): all nodes on one database need the same',
};

/** Why a node ends that must not go on under its name. */
export function lostError(reason: LostReason): EngineError {
  return new EngineError(reason, LOST[reason]);
}
