import type { RoomRecord, StoreCalls } from '../../runtime/ports/log-store.ts';
import { byBytes } from './by-bytes.ts';

type Request = StoreCalls['listRooms']['request'];

/** One page of the rooms that a reader may see. `isInvited` marks those that another user added the reader to. */
export function listRooms(
  all: ReadonlyMap<string, RoomRecord>,
  { reader, after, limit, invited = false }: Request,
  rights: { readonly isVisible: (room: string) => boolean; readonly isInvited: (room: string) => boolean },
): StoreCalls['listRooms']['reply'] {
  const isInvited = (room: string): boolean =>
    !reader.isAdmin && all.get(room)?.access === 'private' && rights.isInvited(room);
  const found = [...all.keys()]
    .filter((room) => rights.isVisible(room) && (invited || !isInvited(room)))
    .filter((room) => after === null || byBytes(room, after) > 0)
    .toSorted(byBytes);
  const rooms = found.slice(0, limit).map((room) => {
    const { access, metadata } = all.get(room) as RoomRecord;
    return { room, access, metadata, ...(isInvited(room) ? { isInvited: true as const } : {}) };
  });
  return { rooms, more: found.length > limit };
}
