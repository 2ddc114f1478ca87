import { sql } from 'drizzle-orm';
import type { Channel } from '../../protocol/channels.ts';
import type { Claimed, ClaimRequest, StoreCalls } from '../../runtime/ports/log-store.ts';
import { channels } from './schema.ts';
import type { SqlQueries } from './sql-client.ts';
import { given, statement } from './statement.ts';

/** Claims channels that have a row. With an epoch it claims only from that epoch of the same owner (D7). */
const claim = statement(
  'claim',
  sql`
with wanted as (select * from unnest(${given('channels')}::text[], ${given('epochs')}::bigint[]) as t (channel, epoch)),
locked as materialized (
  select c.channel from ${channels} c join wanted w on w.channel = c.channel
  where w.epoch = 0 or (c.epoch = w.epoch and c.owner = ${given('owner')})
  order by c.channel for no key update of c
)
update ${channels} c set epoch = c.epoch + 1, owner = ${given('owner')}
from locked where c.channel = locked.channel
returning c.channel, c.epoch, c.head`,
);

/** Claims channels, and creates the missing rows. */
export const claimOrCreate = statement(
  'claim_or_create',
  sql`
insert into ${channels} as c (channel, epoch, owner, head)
select t.channel, 1, ${given('owner')}, 0 from unnest(${given('channels')}::text[]) as t (channel) order by t.channel collate "C"
on conflict (channel) do update set epoch = c.epoch + 1, owner = excluded.owner
returning c.channel, c.epoch, c.head`,
);

/**
 * As {@link claim}, for a process in a cluster: it claims what the view gives the process. A row without an epoch is a
 * channel that belongs to another process.
 *
 * It looks at the view once it has the locks. A claim may wait for a lock while the view changes and the next process claims
 * the channel. By the view of its beginning it would then take the channel back. The log would stay whole: the next process
 * would be fenced, and claim again. But the two could go on like that.
 */
const claimPlaced = statement(
  'claim_placed',
  sql`
with wanted as materialized (
  select * from unnest(${given('channels')}::text[], ${given('epochs')}::bigint[], ${given('shards')}::smallint[])
    with ordinality as t (channel, epoch, shard, ord)
), locked as materialized (
  select c.channel, w.ord from ${channels} c join wanted w on w.channel = c.channel
  where w.epoch = 0 or (c.epoch = w.epoch and c.owner = ${given('owner')})
  order by c.channel for no key update of c
), looked as materialized (
  select vagus.placed_1(${given('owner')}, ${given('shards')}::smallint[], (select count(*) from locked)) as is_placed
), raised as (
  update ${channels} c set epoch = c.epoch + 1, owner = ${given('owner')}
  from locked, looked
  where c.channel = locked.channel and looked.is_placed[locked.ord]
  returning c.channel, c.epoch, c.head
)
select r.channel, r.epoch, r.head from raised r
union all
select w.channel, null, null from wanted w cross join looked left join locked on locked.ord = w.ord
where not looked.is_placed[w.ord] and (w.epoch = 0 or locked.ord is not null)`,
);

/**
 * As {@link claimOrCreate}, for a process in a cluster. If there is a row, it looks at the view again with the row's lock,
 * as {@link claimPlaced} does.
 *
 * It creates rows by the view of its beginning. That is safe: the first claim of the next process finds the row and fences
 * its creator.
 */
const claimOrCreatePlaced = statement(
  'claim_or_create_placed',
  sql`
with wanted as materialized (
  select * from unnest(${given('channels')}::text[], ${given('shards')}::smallint[]) with ordinality as t (channel, shard, ord)
), looked as materialized (
  select vagus.placed_1(${given('owner')}, ${given('shards')}::smallint[], 0) as is_placed
), claimed as (
  insert into ${channels} as c (channel, epoch, owner, head)
  select w.channel, 1, ${given('owner')}, 0 from wanted w cross join looked
  where looked.is_placed[w.ord] order by w.channel collate "C"
  on conflict (channel) do update set epoch = c.epoch + 1, owner = excluded.owner
  where (vagus.placed_1(
    ${given('owner')}, array[(${given('shards')}::smallint[])[array_position(${given('channels')}::text[], c.channel)]], 1
  ))[1]
  returning c.channel, c.epoch, c.head
)
select w.channel, r.epoch, r.head from wanted w left join claimed r on r.channel = w.channel`,
);

/** One statement for each kind of claims. */
const KINDS = [
  { creates: false, isPlaced: false, statement: claim },
  { creates: false, isPlaced: true, statement: claimPlaced },
  { creates: true, isPlaced: false, statement: claimOrCreate },
  { creates: true, isPlaced: true, statement: claimOrCreatePlaced },
];

export async function claimAll(
  client: SqlQueries,
  { owner, claims }: StoreCalls['claim']['request'],
  deadlineMs: number,
): Promise<StoreCalls['claim']['reply']> {
  const deadline = Date.now() + deadlineMs;
  const granted = new Map<Channel, Claimed | null>();
  for (const kind of KINDS) {
    const some = claims.filter(
      (one) => (one.mode === 'create') === kind.creates && isPlaced(one) === kind.isPlaced,
    );
    if (some.length === 0) continue;
    const values = {
      owner,
      channels: some.map(({ channel }) => channel),
      epochs: some.map(({ epoch }) => epoch),
      shards: some.map(({ shard }) => shard),
    };
    const rows = await client.query(kind.statement, values, deadline - Date.now());
    for (const [channel, epoch, head] of rows as readonly [Channel, number | null, number][])
      granted.set(channel, epoch === null ? null : { epoch, head });
  }
  return granted;
}

const isPlaced = ({ shard }: ClaimRequest): boolean => shard !== undefined;
