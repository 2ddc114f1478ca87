import { sql } from 'drizzle-orm';
import type { StoreCalls } from '../../runtime/ports/log-store.ts';
import { channels, messages } from './schema.ts';
import type { SqlQueries } from './sql-client.ts';
import { given, statement } from './statement.ts';

/**
 * A step of retention.
 *
 * - `walk` goes from channel to channel and takes the old entries of each, until it has taken `entries`. It costs a look at
 *   the first entry of each channel, and the entries that it takes. `behind` is the previous channel. From there the next
 *   step comes to the same channel again if that may have more.
 * - The old entries of a log end at the first young one, wherever that is, so a log never has a hole.
 * - It never waits for a lock, so no two statements can deadlock. The statement that locks the first row of a log prunes it.
 *   If another one has locked a later row, it leaves the whole log alone, since a part could lie behind a hole.
 * - It removes rows by `ctid`, which no plan can turn into a scan. A locked row keeps its `ctid`.
 */
const pruned = statement(
  'prune',
  sql`
with recursive walk (channel, behind, first, last, taken, rest, looked) as (
  select ${given('after')}::text collate "C", ${given('after')}::text collate "C", null::bigint, null::bigint,
    0::bigint, ${given('entries')}::bigint, 0
  union all
  select c.channel, w.channel, old.first, old.last, old.taken, w.rest - old.taken, w.looked + 1
  from walk w
  cross join lateral (
    select k.channel from ${channels} k
    where k.channel > w.channel and k.channel < ${given('end')}::text
    order by k.channel limit 1
  ) c
  cross join lateral (
    select min(o.seq) as first, max(o.seq) as last, count(*) as taken from (
      select m.seq from ${messages} m
      where m.channel = c.channel and m.seq < coalesce((
        select y.seq from (
          select e.seq, e.stored_at from ${messages} e where e.channel = c.channel order by e.seq limit w.rest
        ) y
        where y.stored_at > now() - ${given('keepMs')}::bigint * interval '1 millisecond'
        order by y.seq limit 1
      ), 9223372036854775807)
      order by m.seq limit w.rest
    ) o
  ) old
  where w.rest > 0 and w.looked < ${given('channels')}::int
), held as materialized (
  select w.channel, w.taken, m.place from walk w
  cross join lateral (
    select d.seq from ${messages} d where d.channel = w.channel and d.seq = w.first for update skip locked
  ) door
  cross join lateral (
    select m.ctid as place from ${messages} m
    where m.channel = w.channel and m.seq between door.seq and w.last
    order by m.seq for update skip locked
  ) m
  where w.taken > 0
), whole as materialized (
  select channel from held group by channel, taken having count(*) = taken
), gone as (
  delete from ${messages} m
  where m.ctid = any(array(select h.place from held h where h.channel in (select channel from whole)))
  returning 1
)
select (select count(*) from gone) as removed,
  case when w.rest = 0 and w.channel in (select channel from whole) then w.behind
    when w.rest = 0 or w.looked = ${given('channels')}::int then w.channel end as next
from walk w order by w.looked desc limit 1`,
);

export async function prune(
  client: SqlQueries,
  { kind, after, ...bounds }: StoreCalls['prune']['request'],
  deadlineMs: number,
): Promise<StoreCalls['prune']['reply']> {
  // The names of a kind lie between these two, because ";" is the character after ":".
  const start = kind === 'broadcast' ? '' : `${kind}:`;
  const values = { ...bounds, after: after ?? start, end: `${kind};` };
  const [row] = await client.query(pruned, values, deadlineMs);
  return { removed: row?.[0] as number, next: row?.[1] as string | null };
}
