import type { Chart } from './kit/chart.ts';
import { connectionChart } from './connection/liveness.ts';
import { roomChart } from './home/home-lifecycle.ts';
import { drainChart } from './node/drain.ts';
import { retryChart } from './home/retry.ts';
import { userChart } from './home/user.ts';
import { leaseChart } from './node/lease.ts';
import { nodeChart } from './node/peers.ts';
import { breakerChart } from './log/breaker.ts';

/** Every built-in lifecycle, with what it is the life of. */
export const CHARTS: readonly { readonly title: string; readonly chart: Chart }[] = [
  { title: 'A connection (LC2)', chart: connectionChart },
  { title: 'A user (LC3)', chart: userChart },
  { title: 'A room, and any other home of a channel (LC4)', chart: roomChart },
  { title: 'A retry: how a home gets its claim', chart: retryChart },
  { title: 'A circuit breaker', chart: breakerChart },
  { title: 'A drain: how a node leaves', chart: drainChart },
  { title: 'A node, as another one sees it (LC5)', chart: nodeChart },
  { title: 'A lease: what a process may believe of its own life', chart: leaseChart },
];
