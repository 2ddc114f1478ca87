import { sql } from 'drizzle-orm';
import { bans, members, rooms } from './schema.ts';
import { given, statement } from './statement.ts';

// Members of rooms, and bans.

/** For each user: null without a membership, else whether it is an invitation that the user has not followed yet. */
export const membership = statement(
  'membership',
  sql`
select (select m.is_invited from ${members} m where m.room = t.room and m.user = t.user) as is_invited
from unnest(${given('rooms')}::text[], ${given('users')}::text[]) with ordinality as t (room, "user", ord) order by t.ord`,
);

export const addMember = statement(
  'add_member',
  sql`insert into ${members} (room, "user") values (${given('room')}, ${given('user')})
on conflict (room, "user") do update set is_invited = false`,
);

export const acceptInvitation = statement(
  'accept_invitation',
  sql`update ${members} m set is_invited = false
where m.room = ${given('room')} and m.user = ${given('user')} and m.is_invited`,
);

/** For each user, the rest of the ban (ms): 0 without a ban, -1 for a ban that does not end by itself. */
export const banned = statement(
  'banned',
  sql`
select coalesce((
  select case when b.until is null then -1
    else greatest(0, ceil(extract(epoch from b.until - now()) * 1000))::bigint end
  from ${bans} b where b.room = t.room and b.user = t.user
), 0)::bigint as rest
from unnest(${given('rooms')}::text[], ${given('users')}::text[]) with ordinality as t (room, "user", ord) order by t.ord`,
);

export const ban = statement(
  'ban',
  sql`
with created as (
  insert into ${rooms} (room, access) select ${given('room')}::text, 'public' where ${given('createsRoom')}::boolean
  on conflict (room) do nothing
), over as (
  delete from ${bans} b where b.room = ${given('room')} and b.until <= now() and b.user <> ${given('user')}
)
insert into ${bans} (room, "user", until)
values (${given('room')}, ${given('user')}, to_timestamp(${given('until')}::bigint / 1000.0))
on conflict (room, "user") do update set until = excluded.until`,
);

export const unban = statement(
  'unban',
  sql`delete from ${bans} b where b.room = ${given('room')} and (b.user = ${given('user')} or b.until <= now())`,
);

export const removeMember = statement(
  'remove_member',
  sql`delete from ${members} m where m.room = ${given('room')} and m.user = ${given('user')}`,
);
