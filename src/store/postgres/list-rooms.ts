import { sql, type SQL } from 'drizzle-orm';
import type { ListedRoom, StoreCalls } from '../../runtime/ports/log-store.ts';
import { members, rooms } from './schema.ts';
import type { SqlClient } from './sql-client.ts';
import { given, statement } from './statement.ts';

/** The first of one kind, with one more than asked: it says that there are more. */
const first = (where: SQL) => sql`(
  select r.room, r.access, r.metadata from ${rooms} r
  where ${where} and r.deleted_at is null and r.room > ${given('after')}::text
  order by r.room limit ${given('limit')}::bigint + 1
)`;

/**
 * Each kind of room a reader may see is read in order from an index, and no further than the page goes; the first of all
 * are among these. A single condition on all of them would read every room of others on the way.
 * `offset 0` keeps the look at a member's room a probe of the rooms' key: merging the two tables would read all rooms in
 * between. And the deletion is asked for outside of it, or a plan made on empty tables takes the index of those not
 * deleted, where a room cannot be found without its access but by reading it all.
 */
const listed = statement(
  'list_rooms',
  sql`
select room, access, metadata from (
  ${first(sql`r.access = 'public'`)}
  union
  ${first(sql`r.access = 'private' and ${given('asAdmin')}::boolean`)}
  union
  (
    select r.room, r.access, r.metadata from ${members} m
    cross join lateral (
      select r.room, r.access, r.metadata, r.deleted_at from ${rooms} r where r.room = m.room offset 0
    ) r
    where m.user = ${given('user')} and m.room > ${given('after')}::text and r.deleted_at is null
    order by m.room limit ${given('limit')}::bigint + 1
  )
) visible
order by room limit ${given('limit')}::bigint + 1`,
);

export async function listRooms(
  client: SqlClient,
  { reader, after, limit }: StoreCalls['listRooms']['request'],
  deadlineMs: number,
): Promise<StoreCalls['listRooms']['reply']> {
  const values = { user: reader.user, asAdmin: reader.isAdmin, after: after ?? '', limit };
  const rows = await client.query(listed, values, deadlineMs);
  const found = rows.map(([room, access, metadata]) => ({ room, access, metadata }) as ListedRoom);
  return { rooms: found.slice(0, limit), more: found.length > limit };
}
