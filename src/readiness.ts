import type { CanaryStatus } from './actors/canary.ts';
import type { LogStatus } from './actors/messages.ts';
import type { Readiness } from './transport/http/routes-health.ts';

/** A message must have gone the whole way within this (RS5). */
const PROVEN_MS = 15_000;

/** What the node knows of itself; undefined is what did not answer. */
export interface Signs {
  readonly isDraining: boolean;
  readonly log: LogStatus | undefined;
  readonly canary: CanaryStatus | undefined;
}

/** Whether a balancer should send clients here: judged by a message that got through, not by what should work (RS5). */
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
