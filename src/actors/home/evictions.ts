import type { Turn } from '../../runtime/ports/actor.ts';
import type { Effects } from '../kit/effects.ts';
import type { Eviction, Spared } from '../messages/relay.ts';
import type { Continuation, DecidedTo } from './continuation.ts';
import { showChanges } from './presence-changes.ts';
import type { RoomState } from './room-state.ts';

// How a room removes users who lost their right from its channel: no later publication reaches them (JW4). Relays hear of a
// removal even if the user is not known to be present. A new generation of the home knows only connections that have joined again,
// and the others would go on hearing what is not for them.

/** Removes one user with every connection, whatever right a connection has otherwise. `number`: of the change; 0: it has none. */
export function expel(
  room: RoomState,
  { user, number }: { readonly user: string; readonly number: number },
  turn: Turn,
  out: Effects,
): void {
  remove(room, { user, number, spares: 'nobody' }, turn, out);
}

/** Removes every user whose right is a member's, except these. */
export function expelAllBut(room: RoomState, members: ReadonlySet<string>, turn: Turn, out: Effects): void {
  for (const user of room.presence.users())
    if (!members.has(user)) showChanges(room, room.presence.expel(user, 'admins', turn), turn, out);
  publish(room, { users: null, butFor: [...members], spares: 'admins', reason: 'removed' }, out);
}

/** Removes every user, because the room is closed. `lost`: there is no such room any more. */
export function closeAll(room: RoomState, how: Closing, turn: Turn, out: Effects): void {
  for (const user of room.presence.users()) room.presence.expel(user, 'nobody', turn);
  publish(room, { users: null, spares: 'nobody', ...how }, out);
}

/** `number`: of the change, if it is known. */
interface Closing {
  readonly reason: 'closed' | 'lost';
  readonly number?: number;
}

/**
 * Rights may have changed without the home's hearing of it. Returns the checks of all present users. A user who is not
 * present is refused when the connection joins again.
 */
export function recheckAll(room: RoomState, turn: Turn, out: Effects): readonly Continuation[] {
  const { access, presence } = room;
  const isDeleted = access.record?.isDeleted === true;
  if (isDeleted) closeAll(room, { reason: 'closed' }, turn, out);
  // Without a room no scope helps an admin either.
  else if (access.absence() && presence.size > 0) closeAll(room, { reason: 'lost' }, turn, out);
  if (isDeleted || access.absence()) return [];
  return presence.users().map((user) => ({ to: 'stay', by: { user, isAdmin: false } }));
}

export function stayDecided(
  room: RoomState,
  { next, refusal }: DecidedTo<'stay'>,
  turn: Turn,
  out: Effects,
): void {
  // A right that cannot be read now is read later: it must not stay unread for as long as users are present.
  if (refusal?.error === 'unavailable') out.arm('record', room.options.writer.retryAfterMs);
  else if (refusal) remove(room, { user: next.by.user, spares: 'admins' }, turn, out);
}

function remove(
  room: RoomState,
  { user, spares, number = 0 }: { readonly user: string; readonly spares: Spared; readonly number?: number },
  turn: Turn,
  out: Effects,
): void {
  showChanges(room, room.presence.expel(user, spares, turn), turn, out);
  publish(room, { users: [user], spares, reason: 'removed', ...(number > 0 ? { number } : {}) }, out);
}

/** To every node: a new home may not have heard yet of all that have subscribers. */
function publish({ writer }: RoomState, eviction: Omit<Eviction, 'type'>, out: Effects): void {
  out.publish(writer.channel, 'all', { type: 'evict', ...eviction });
}
