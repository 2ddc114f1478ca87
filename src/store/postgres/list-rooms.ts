import { sql, type SQL } from 'drizzle-orm';
import type { ListedRoom, StoreCalls } from '../../runtime/ports/log-store.ts';
import { members, rooms } from './schema.ts';
import { isBanned } from './statements.ts';
import type { SqlQueries } from './sql-client.ts';
import { given, statement } from './statement.ts';

/** A list does not show rooms that ban the reader (JW7). */
const isOpen = sql`(${given('asAdmin')}::boolean or not ${isBanned(given('user'))})`;

/** A user's rooms, by a look at each. `where` selects among the user's memberships. */
const own = (isInvited: SQL, where: SQL) => sql`(
  select r.room, r.access, r.metadata, ${isInvited} as is_invited from ${members} m
  cross join lateral (
    select r.room, r.access, r.metadata, r.deleted_at from ${rooms} r where r.room = m.room offset 0
  ) r
  where m.user = ${given('user')} and ${where} and m.room > ${given('after')}::text and r.deleted_at is null and ${isOpen}
  order by m.room limit ${given('limit')}::bigint + 1
)`;

/** The first rooms of one kind, with one more than the limit: if it is there, the list has more. */
const first = (where: SQL) => sql`(
  select r.room, r.access, r.metadata, false as is_invited from ${rooms} r
  where ${where} and r.deleted_at is null and ${isOpen} and r.room > ${given('after')}::text
  order by r.room limit ${given('limit')}::bigint + 1
)`;

/**
 * The statement reads each kind of room that a reader may see in order from an index, and no further than the page goes.
 * The first rooms of all kinds together are among these. One condition for all kinds would read every other user's room on
 * the way.
 *
 * - `offset 0` keeps the look at a member's room a probe of the primary key. A merge of the two tables would read all rooms
 *   in between.
 * - The condition on the deletion stands outside of that look. Otherwise a plan made on empty tables takes the index of
 *   rooms that are not deleted, and reads all of it to find a room whose access it does not know.
 */
export const listed = statement(
  'list_rooms',
  sql`
select room, access, metadata, bool_and(is_invited) as is_invited from (
  ${first(sql`r.access = 'public'`)}
  union all
  ${first(sql`r.access = 'private' and ${given('asAdmin')}::boolean`)}
  union all
  ${own(sql`false`, sql`not m.is_invited`)}
  union all
  ${own(sql`r.access = 'private'`, sql`m.is_invited and ${given('invited')}::boolean`)}
) visible
group by room, access, metadata
order by room limit ${given('limit')}::bigint + 1`,
);

export async function listRooms(
  client: SqlQueries,
  { reader, after, limit, invited = false }: StoreCalls['listRooms']['request'],
  deadlineMs: number,
): Promise<StoreCalls['listRooms']['reply']> {
  const values = { user: reader.user, asAdmin: reader.isAdmin, after: after ?? '', limit, invited };
  const rows = await client.query(listed, values, deadlineMs);
  const found = rows.map(
    ([room, access, metadata, isInvited]) =>
      ({ room, access, metadata, ...(isInvited ? { isInvited } : {}) }) as ListedRoom,
  );
  return { rooms: found.slice(0, limit), more: found.length > limit };
}
