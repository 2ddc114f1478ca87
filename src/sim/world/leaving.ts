import { DRAIN_LIMITS } from '../../actors/node/drain.ts';
import { DRAIN, LEASE } from '../../actors/messages/node.ts';
import type { ActorSystem } from '../../runtime/system.ts';

/** How long the steps after a drain may take. */
const SLACK_MS = 500;

/** The steps of a leaving node, in the engine's order: its channels, its clients, its appends, then its lease. */
export function leave(system: ActorSystem, done: () => void): void {
  const { handOverMs, clientsLeaveMs, appendsEndMs } = DRAIN_LIMITS;
  const deadlineMs = handOverMs + clientsLeaveMs + appendsEndMs + SLACK_MS;
  system.ask(DRAIN, { type: 'leave' }, { deadlineMs }, () =>
    system.ask(LEASE, { type: 'release' }, { deadlineMs: SLACK_MS }, done),
  );
}
