import type { CanaryStatus } from '../actors/node/canary.ts';
import type { LogStatus } from '../actors/messages/log.ts';
import type { Readiness } from '../transport/http/routes-health.ts';

/** A canary message must have passed within this time (RS5). */
const PROVEN_MS = 15_000;

/** What the node knows about itself. A part that did not answer is undefined. */
export interface Signs {
  readonly isDraining: boolean;
  readonly log: LogStatus | undefined;
  readonly canary: CanaryStatus | undefined;
}

/** Whether a load balancer should send clients here. A message that got through decides, not what should work (RS5). */
export function judgeReadiness({ isDraining, log, canary }: Signs): Readiness {
  const isStoreBroken = log?.isStoreUp === false || canary?.hasLastFailed === true;
  const broken = isStoreBroken ? ['store'] : [];
  const because = whyNot({ isDraining, log, canary });
  return { isReady: because === undefined, because, degraded: [], broken };
}

function whyNot({ isDraining, log, canary }: Signs): string | undefined {
  if (isDraining) return 'draining';
  if (!log || !canary) return 'core';
  if (!log.isStoreUp) return 'store';
  if (canary.provenAgoMs === undefined) return canary.hasLastFailed ? 'store' : 'starting';
  return canary.provenAgoMs > PROVEN_MS ? 'store' : undefined;
}
