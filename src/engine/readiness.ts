import type { CanaryStatus } from '../actors/node/canary.ts';
import type { LineState } from '../transport/bus/redis-line.ts';
import type { LogStatus } from '../actors/messages/log.ts';
import type { Readiness } from '../transport/http/routes-health.ts';

/** A canary message must have passed within this time (RS5). */
const PROVEN_MS = 15_000;

/** What the node knows about itself. A part that did not answer is undefined. */
export interface Signs {
  readonly isDraining: boolean;
  readonly log: LogStatus | undefined;
  readonly canary: CanaryStatus | undefined;
  /** The way to other nodes; undefined without a cluster. */
  readonly peers: LineState | undefined;
}

/** Whether a load balancer should send clients here. A message that got through decides, not what should work (RS5). */
export function judgeReadiness(signs: Signs): Readiness {
  const { log, canary, peers } = signs;
  const isStoreBroken = log?.isStoreUp === false || canary?.hasLastFailed === true;
  const isRedisBroken = peers === 'deaf' || peers === 'away';
  const broken = [...(isStoreBroken ? ['store'] : []), ...(isRedisBroken ? ['redis'] : [])];
  const because = whyNot(signs);
  // Without Redis every node is alone, and serves its own clients and channels.
  return { isReady: because === undefined, because, degraded: peers === 'away' ? ['cluster'] : [], broken };
}

function whyNot({ isDraining, log, canary, peers }: Signs): string | undefined {
  if (isDraining) return 'draining';
  if (!log || !canary) return 'core';
  if (!log.isStoreUp) return 'store';
  // Redis works, so others are better off.
  if (peers === 'deaf') return 'redis';
  if (canary.provenAgoMs === undefined) return canary.hasLastFailed ? 'store' : 'starting';
  return canary.provenAgoMs > PROVEN_MS ? 'store' : undefined;
}
