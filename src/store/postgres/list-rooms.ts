import { sql, type SQL } from 'drizzle-orm';
import type { ListedRoom, StoreCalls } from '../../runtime/ports/log-store.ts';
import { members, rooms } from './schema.ts';
import { isBanned } from './statements.ts';
import type { SqlClient } from './sql-client.ts';
import { given, statement } from './statement.ts';

/** Nobody lists a room from which he is banned (JW7). */
const isOpen = sql`(${given('asAdmin')}::boolean or not ${isBanned(given('user'))})`;

/** Rooms that a user is a member of, by a look at each; `where` says which members. */
const own = (isInvited: SQL, where: SQL) => sql`(
  select r.room, r.access, r.metadata, ${isInvited} as is_invited from ${members} m
  cross join lateral (
    select r.room, r.access, r.metadata, r.deleted_at from ${rooms} r where r.room = m.room offset 0
  ) r
  where m.user = ${given('user')} and ${where} and m.room > ${given('after')}::text and r.deleted_at is null and ${isOpen}
  order by m.room limit ${given('limit')}::bigint + 1
)`;

/** The first of one kind, with one more than asked: it says that there are more. */
const first = (where: SQL) => sql`(
  select r.room, r.access, r.metadata, false as is_invited from ${rooms} r
  where ${where} and r.deleted_at is null and ${isOpen} and r.room > ${given('after')}::text
  order by r.room limit ${given('limit')}::bigint + 1
)`;

/**
 * Each kind of room a reader may see is read in order from an index, and no further than the page goes; the first of all
 * are among these. A single condition on all of them would read every room of others on the way.
 * `offset 0` keeps the look at a member's room a probe of the rooms' key: merging the two tables would read all rooms in
 * between. And the deletion is asked for outside of it, or a plan made on empty tables takes the index of those not
 * deleted, where a room cannot be found without its access but by reading it all.
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
  client: SqlClient,
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
