import type { Turn } from '../../runtime/ports/actor.ts';
import type { Effects } from '../kit/effects.ts';
import type { PresenceChange } from './presence.ts';
import type { RoomState } from './room-state.ts';

/** The other users get these changes of one. The timer runs to the end of the next grace. */
export function showChanges(
  { batch, presence }: RoomState,
  changes: readonly PresenceChange[],
  turn: Turn,
  out: Effects,
): void {
  for (const change of changes) batch.changed(change, turn, out);
  const expiry = presence.nextExpiry;
  if (expiry !== undefined) out.arm('grace', expiry - turn.now);
  else out.disarm('grace');
}
