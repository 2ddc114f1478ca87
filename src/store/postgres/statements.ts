import { sql, type SQL } from 'drizzle-orm';
import { drawnFor, newestNumber } from './numbers.ts';
import { bans, channels, members, messages, meta, removals, rooms } from './schema.ts';
import { given, statement, type Statement } from './statement.ts';

/** Milliseconds since 1970, exact for times of millisecond precision. */
export const ms = (time: SQL) => sql`(extract(epoch from ${time}) * 1000)::bigint`;

/**
 * The append of D8. It returns for each entry, in order: its seq, when it was stored (ms), whether it was stored earlier,
 * and `own` (the entry is in the log), `busy` (another statement has locked the channel's row), `fenced` (epoch or owner
 * are not current) or `rewound` (the log ends before the head that the caller knows, D21).
 *
 * - It locks rows of channels in the order of their names, and never waits for one: no two statements can deadlock.
 * - It checks epoch and owner on the locked row, so nothing commits under an epoch that is over.
 * - It finds entries that were stored earlier by an index probe each (`offset 0` keeps it one, whatever the statistics say).
 *   No two entries of one statement have the same key.
 * - Entries and channels are joined in full: PostgreSQL can do that only by hashing or sorting, and 512 entries against 512
 *   channels in a nested loop took longer than everything else together.
 */
export const append = statement(
  'append',
  sql`
with own as materialized (
  select c.channel, c.head, c.epoch from ${channels} c
  where c.channel = any(${given('channels')}::text[]) and c.owner = ${given('owner')}
  order by c.channel for no key update of c skip locked
), matched as materialized (
  select i.*, own.head, case when own.head >= i.known then own.channel end as owned
  from unnest(${given('channels')}::text[], ${given('epochs')}::bigint[], ${given('heads')}::bigint[], ${given('creates')}::boolean[],
    ${given('senders')}::text[], ${given('ids')}::text[], ${given('contents')}::text[], ${given('datas')}::text[], ${given('sentAts')}::bigint[])
    with ordinality as i (channel, epoch, known, creates, sender, id, content, data, sent_at, ord)
  full join own on own.channel = i.channel and own.epoch = i.epoch
), numbered as materialized (
  select m.*, old.seq is not null as was_stored, coalesce(old.stored_at, date_trunc('milliseconds', now())) as at,
    coalesce(old.seq, m.head + count(*) filter (where old.seq is null) over (partition by m.owned order by m.ord)) as seq
  from matched m
  left join lateral (
    select e.seq, e.stored_at from ${messages} e
    where e.channel = m.owned and e.sender = m.sender and e.id = m.id offset 0
  ) old on true
  where m.ord is not null
), fresh as not materialized (
  select * from numbered where owned is not null and not was_stored
), created as (
  insert into ${rooms} (room, access)
  select distinct substr(channel, 6), 'public' from fresh where creates order by 1
  on conflict (room) do nothing
), stored as (
  insert into ${messages} (channel, seq, epoch, sender, id, content, data, sent_at, stored_at)
  select channel, seq, epoch, sender, id, content, data, to_timestamp(sent_at / 1000.0), at from fresh
), moved as (
  update ${channels} c set head = f.last
  from (select channel, max(seq) as last from fresh group by channel) f where c.channel = f.channel
)
select seq, ${ms(sql`at`)} as at, was_stored,
  case when owned is not null then 'own' else coalesce((
      select case when k.head < numbered.known then 'rewound' else 'busy' end from ${channels} k
      where k.channel = numbered.channel and k.epoch = numbered.epoch and k.owner = ${given('owner')}
    ), 'fenced') end as standing
from numbered order by ord`,
);

export const heads = statement(
  'heads',
  sql`select c.channel, c.head from ${channels} c where c.channel = any(${given('channels')}::text[])`,
);

export const places = statement(
  'places',
  sql`
select coalesce(c.head, 0) as head, m.id, m.sender, ${ms(sql`m.stored_at`)} as stored_at
from unnest(${given('channels')}::text[], ${given('seqs')}::bigint[]) with ordinality as t (channel, seq, ord)
left join ${channels} c on c.channel = t.channel
left join ${messages} m on m.channel = t.channel and m.seq = t.seq
order by t.ord`,
);

/** Whether a user is banned from the room `r` (JW7). */
export function isBanned(user: ReturnType<typeof given>): SQL {
  return sql`exists (
    select from ${bans} b where b.room = r.room and b.user = ${user}::text and (b.until is null or b.until > now())
  )`;
}

/** Whether a reader may see a room. The statement that reads it includes this, so right and content are of one snapshot (JW4). */
const grant = sql`
select case when ${given('reader')}::text is null then 'granted'
  when r.room is null then 'absent'
  when r.deleted_at is not null then 'gone'
  when not ${given('asAdmin')}::boolean and ${isBanned(given('reader'))} then 'banned'
  when r.access = 'public' or ${given('asAdmin')}::boolean or exists (
    select from ${members} m where m.room = r.room and m.user = ${given('reader')}::text
  ) then 'granted' else 'forbidden' end as grant
from (select substr(${given('channel')}::text, 6) as room) wanted left join ${rooms} r on r.room = wanted.room`;

/** How many entries a page reads at a time. It reads fewer than that in vain. */
const SLICE = sql.raw('128');

/**
 * A page ends when its texts reach a size. The first entry always fits. One more entry than fits says that there are more.
 *
 * The walk goes on to another slice only while the page is not full. It does not read texts that do not fit: PostgreSQL
 * keeps a long text apart, and knows its length without it. Earlier the server read and moved a thousand texts of 62 KB for
 * the four that fit.
 */
function page(
  name: string,
  from: SQL,
  { where, order, first }: { where: SQL; order: SQL; first: SQL },
): Statement {
  const limit = sql`${given('limit')}::bigint`;
  const bytesMax = sql`${given('bytesMax')}::bigint`;
  return statement(
    name,
    sql`
with recursive allowed as materialized (${grant}),
walk (seq, sender, id, content, data, sent_at, stored_at, nth, before, bytes) as (
  select ${from}::bigint, null::text collate "C", null::text collate "C", null::text, null::text,
    null::timestamptz(3), null::timestamptz(3), 0::bigint, 0::bigint, 0::bigint
  from allowed where allowed.grant = 'granted'
  union all
  select e.seq, e.sender, e.id, e.content, e.data, e.sent_at, e.stored_at,
    w.nth + e.nth, w.bytes + e.bytes - e.size, w.bytes + e.bytes
  from walk w cross join lateral (
    select s.*, row_number() over reading as nth, (sum(s.size) over reading)::bigint as bytes from (
      select m.seq, m.sender, m.id, m.content, m.data, m.sent_at, m.stored_at,
        octet_length(m.content) + coalesce(octet_length(m.data), 0) + 64 as size
      from ${messages} m
      where m.channel = ${given('channel')} and ${where}
      order by m.seq ${order} limit ${SLICE}
    ) s window reading as (order by s.seq ${order} rows unbounded preceding)
  ) e
  where w.nth % ${SLICE} = 0 and w.nth <= ${limit} and w.bytes <= ${bytesMax}
), shown as (
  select *, nth <= ${limit} and (nth = 1 or bytes <= ${bytesMax}) as fits
  from walk where nth between 1 and ${limit} + 1 and (nth <= 2 or before <= ${bytesMax})
)
select allowed.grant, s.seq, s.sender, s.id, case when s.fits then s.content end as content, case when s.fits then s.data end as data,
  ${ms(sql`s.sent_at`)} as sent_at, ${ms(sql`s.stored_at`)} as stored_at, s.fits, ${first} as first
from allowed left join shown s on true
order by s.nth`,
  );
}

/** For a page that ends before the wanted seq: the first seq of the channel, or the next one if it is empty. */
const firstKept = sql`
case when ${given('upTo')}::bigint < ${sql.raw(String(Number.MAX_SAFE_INTEGER))}
  and not exists (select from shown where not fits or seq = ${given('upTo')}::bigint) then coalesce(
  (select m.seq from ${messages} m where m.channel = ${given('channel')} order by m.seq limit 1),
  (select c.head + 1 from ${channels} c where c.channel = ${given('channel')}), 1) end`;

export const pageAfter = page('page_after', sql`${given('after')}`, {
  where: sql`m.seq > w.seq and m.seq <= ${given('upTo')}::bigint`,
  order: sql`asc`,
  first: firstKept,
});
export const pageBefore = page('page_before', sql`${given('before')}`, {
  where: sql`m.seq < w.seq`,
  order: sql`desc`,
  first: sql`null::bigint`,
});

export const lookup = statement(
  'lookup',
  sql`
select found.seq, ${ms(sql`found.stored_at`)} as stored_at
from unnest(${given('senders')}::text[], ${given('ids')}::text[]) with ordinality as t (sender, id, ord)
left join lateral (
  select m.seq, m.stored_at from ${messages} m
  where m.channel = ${given('channel')} and m.sender = t.sender and m.id = t.id
) found on true
order by t.ord`,
);

export const roomRecords = statement(
  'rooms',
  sql`
select ${newestNumber} as losses, r.room, r.access, r.metadata, r.creator, r.deleted_at is not null as is_deleted,
  exists (select from ${bans} b where b.room = r.room and (b.until is null or b.until > now())) as has_bans
from (select 1) one left join ${rooms} r on r.room = any(${given('rooms')}::text[])`,
);

/**
 * Deletes a room, if the caller still owns its channel at its epoch. The channel's row gets the next epoch, so no earlier
 * append can arrive any more. The row stays, so an old position never points into later messages (RS3). The messages go
 * later, slice by slice.
 */
export const deleteRoom = statement(
  'delete_room',
  sql`
with raised as (
  update ${channels} c set epoch = c.epoch + 1
  where c.channel = 'room:' || ${given('room')}::text and c.epoch = ${given('epoch')}::bigint and c.owner = ${given('owner')}
  returning c.epoch, c.head
), made as (
  insert into ${channels} (channel, epoch, owner, head)
  select 'room:' || ${given('room')}::text, 1, ${given('owner')}, 0 where ${given('epoch')}::bigint = 0
  on conflict do nothing returning epoch, head
), closing as (
  select * from raised union all select * from made
), expelled as (
  delete from ${members} m using closing where m.room = ${given('room')}
), pardoned as (
  delete from ${bans} b using closing where b.room = ${given('room')}
), closed as (
  insert into ${rooms} as r (room, access, deleted_at) select ${given('room')}::text, 'private', now() from closing
  on conflict (room) do update set deleted_at = coalesce(r.deleted_at, excluded.deleted_at), metadata = '{}', creator = null
  returning 1
), replaced as (
  delete from ${removals} x using closing where x.room = ${given('room')} returning 1
), drawn as (${drawnFor(sql`from closed where (select count(*) from replaced) >= 0`)}), lost as (
  insert into ${removals} (number, room, why) select drawn.value, ${given('room')}::text, 'deleted' from drawn
)
select epoch, head, (select value from drawn) as number from closing`,
);

/**
 * Removes a slice of the messages of a deleted room, so that no statement takes long. It returns a row if there were
 * messages to remove, also if another statement was removing the same ones.
 */
export const emptyRoom = statement(
  'empty_room',
  sql`
with slice as (
  select m.seq from ${messages} m
  where m.channel = 'room:' || ${given('room')}::text
    and exists (select from ${rooms} r where r.room = ${given('room')} and r.deleted_at is not null)
  order by m.seq limit 5000
), gone as (delete from ${messages} m using slice where m.channel = 'room:' || ${given('room')}::text and m.seq = slice.seq returning 1)
select 1 from slice limit 1`,
);

/** It removes in the order of the log, so that no hole is left where the limit stops it. */
export const discard = statement(
  'discard',
  sql`
delete from ${messages} m where m.ctid = any(array(
  select d.ctid from ${messages} d
  where d.channel = ${given('channel')} and d.seq <= ${given('upTo')}::bigint
  order by d.seq limit 1000 for update
))`,
);

export const ping = statement('ping', sql`select 1`);

export const logName = statement('log', sql`select m.log from ${meta} m`);
