import type { Channel } from '../../protocol/channels.ts';
import type { Lease } from '../../runtime/ports/leases.ts';
import type { View } from '../../runtime/ports/placement.ts';
import type { RoomRecord } from '../../runtime/ports/log-store.ts';
import type { ChannelRow } from './channel-row.ts';
import { copyOfMembers, type MembersOfRooms } from './memory-members.ts';
import type { KeptRemoval } from './memory-removals.ts';
import type { KeptRevocation } from './memory-revocations.ts';

/** The content of a store at one moment. */
export interface Snapshot {
  readonly channels: ReadonlyMap<Channel, ChannelRow>;
  readonly rooms: ReadonlyMap<string, RoomRecord>;
  readonly members: MembersOfRooms;
  readonly leases: ReadonlyMap<string, Lease>;
  readonly view: View | null;
  readonly revocations: readonly KeptRevocation[];
  readonly removals: readonly KeptRemoval[];
  readonly lastNumber: number;
}

/**
 * A copy that stays the same when the original changes. Records of rooms, leases and the view are never changed in place,
 * so it shares them.
 */
export function copyOf({
  channels,
  rooms,
  members,
  leases,
  view,
  revocations,
  removals,
  lastNumber,
}: Snapshot): Snapshot {
  const rows = [...channels].map(([channel, row]) => [channel, rowLike(row)] as const);
  return {
    channels: new Map(rows),
    rooms: new Map(rooms),
    members: copyOfMembers(members),
    leases: new Map(leases),
    view,
    revocations: revocations.map((revocation) => ({ ...revocation })),
    removals: [...removals],
    lastNumber,
  };
}

/** Replaces the content of a map with that of another. */
export function replace<Key, Value>(map: Map<Key, Value>, by: ReadonlyMap<Key, Value>): void {
  map.clear();
  for (const [key, value] of by) map.set(key, value);
}

function rowLike(row: ChannelRow): ChannelRow {
  return { ...row, entries: new Map(row.entries), keys: new Map(row.keys) };
}
