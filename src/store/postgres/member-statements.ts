import { sql } from 'drizzle-orm';
import type { Removal } from '../../runtime/ports/members.ts';
import { drawnFor } from './numbers.ts';
import { bans, channels, members, removals, rooms } from './schema.ts';
import { given, statement } from './statement.ts';

// Records of rooms, their members, and bans.

/**
 * `open` has a row if the change counts: if there is no fence, or if the room's channel has its owner and epoch.
 *
 * - It waits for a claim or a deletion that has locked the channel's row, and then looks at what that one left. So either
 *   the change is committed before the claim, or it is not made.
 * - The lock comes before each change: all of them are made from `open`. The statement waits for no other channel's row while
 *   it holds this one, so it cannot deadlock with claims, deletions or appends.
 * - The changes still go by what was there when the statement began. That is enough, because a home makes one change at a
 *   time, and claims its channel again after one with an unknown outcome.
 */
const open = sql`
fence as materialized (
  select c.channel from ${channels} c
  where c.channel = 'room:' || ${given('room')}::text
    and c.owner = ${given('fenceOwner')}::text and c.epoch = ${given('fenceEpoch')}::bigint
  for no key update of c
), open as materialized (
  select 1 as one from fence union all select 1 where ${given('fenceOwner')}::text is null
)`;

/** A user has a right again. Nodes that read by number later must not put the user off. The user's other losses stay. */
const regained = (why: Removal['why']) => sql`
  delete from ${removals} x using open where x.room = ${given('room')} and x."user" = ${given('user')} and x.why = ${sql.raw(`'${why}'`)}`;

/**
 * No row: it is fenced. Otherwise whether the room was created. A deleted room becomes a new one, with nothing of the old.
 */
export const createRoom = statement(
  'create_room',
  sql`
with ${open}, made as (
  insert into ${rooms} as r (room, access, metadata, creator)
  select ${given('room')}::text, ${given('access')}::text, ${given('metadata')}::text, ${given('creator')}::text from open
  on conflict (room) do update set access = excluded.access, metadata = excluded.metadata, creator = excluded.creator,
    created_at = now(), deleted_at = null
  where r.deleted_at is not null
  returning r.room
), strangers as (
  delete from ${members} m using made where m.room = made.room and m."user" <> all (${given('members')}::text[])
), joined as (
  insert into ${members} (room, "user", is_invited)
  select made.room, t.user, t.user <> ${given('creator')}::text from made, unnest(${given('members')}::text[]) as t ("user")
  on conflict do nothing
), readmitted as (
  delete from ${removals} x using made where x.room = made.room and x."user" = any(${given('members')}::text[]) and x.why = 'removed'
)
select exists (select from made) as is_made from open`,
);

/** For each user: null without a membership, else whether it is an invitation that the user has not followed yet. */
export const membership = statement(
  'membership',
  sql`
select (select m.is_invited from ${members} m where m.room = t.room and m.user = t.user) as is_invited
from unnest(${given('rooms')}::text[], ${given('users')}::text[]) with ordinality as t (room, "user", ord) order by t.ord`,
);

/** A row: the change is made, and has this number. This also holds for the changes below. */
export const addMember = statement(
  'add_member',
  sql`
with ${open}, joined as (
  insert into ${members} (room, "user") select ${given('room')}::text, ${given('user')}::text from open
  on conflict (room, "user") do update set is_invited = false
), readmitted as (
  ${regained('removed')}
)
select 0 as number from open`,
);

export const removeMember = statement(
  'remove_member',
  sql`
with ${open}, gone as (
  delete from ${members} m using open where m.room = ${given('room')} and m.user = ${given('user')} returning m.user
), drawn as (${drawnFor(sql`from gone`)}), lost as (
  insert into ${removals} (number, room, "user", why)
  select drawn.value, ${given('room')}::text, ${given('user')}::text, 'removed' from drawn
)
select coalesce((select value from drawn), 0)::bigint as number from open`,
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
with ${open}, created as (
  insert into ${rooms} (room, access) select ${given('room')}::text, 'public' from open where ${given('createsRoom')}::boolean
  on conflict (room) do nothing
), over as (
  delete from ${bans} b using open where b.room = ${given('room')} and b.until <= now() and b.user <> ${given('user')}
), banned as (
  insert into ${bans} (room, "user", until)
  select ${given('room')}::text, ${given('user')}::text, to_timestamp(${given('until')}::bigint / 1000.0) from open
  on conflict (room, "user") do update set until = excluded.until
  returning "user", until
), drawn as (${drawnFor(sql`from banned`)}), lost as (
  insert into ${removals} (number, room, "user", why, until)
  select drawn.value, ${given('room')}::text, banned."user", 'banned', banned.until from drawn, banned
)
select (select value from drawn)::bigint as number from open`,
);

export const unban = statement(
  'unban',
  sql`
with ${open}, pardoned as (
  delete from ${bans} b using open where b.room = ${given('room')} and (b.user = ${given('user')} or b.until <= now())
), readmitted as (
  ${regained('banned')}
)
select 0 as number from open`,
);
