import { DRAIN_LIMITS } from '../actors/drain/drain.ts';
import { DRAIN, LEASE } from '../actors/services.ts';
import type { ActorSystem } from '../runtime/system.ts';

/** How long what comes after a drain may take. */
const SLACK_MS = 500;

/** A node's leaving, as the engine has it do: its clients, what was taken, then its lease. */
export function leave(system: ActorSystem, done: () => void): void {
  const deadlineMs = DRAIN_LIMITS.clientsLeaveMs + DRAIN_LIMITS.appendsEndMs + SLACK_MS;
  system.ask(DRAIN, { type: 'leave' }, { deadlineMs }, () =>
    system.ask(LEASE, { type: 'release' }, { deadlineMs: SLACK_MS }, done),
  );
}
