import type { Entry, Grant, RoomRecord } from '../../runtime/ports/log-store.ts';
import type { Row } from './sql-client.ts';

// What the rows of our statements mean.

export function entryOf(row: Row): Entry {
  const [, seq, sender, id, content, data, sentAt, at] = row as [
    Grant,
    number,
    string,
    string,
    string,
    string | null,
    number | null,
    number,
  ];
  return { seq, sender, id, content, data, sentAt, at };
}

export function roomRecord([, , access, metadata, creator, isDeleted, hasBans]: Row): RoomRecord {
  return { access, metadata, creator, isDeleted, ...(hasBans ? { hasBans } : {}) } as RoomRecord;
}
