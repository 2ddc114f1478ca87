import { sql } from 'drizzle-orm';
import type { Channel } from '../../protocol/channels.ts';
import type { Claimed, StoreCalls } from '../../runtime/ports/log-store.ts';
import { channels } from './schema.ts';
import type { SqlQueries } from './sql-client.ts';
import { given, statement, type Statement } from './statement.ts';

/** How long a claim waits for a row that another transaction holds (D6). */
const LOCK_TIMEOUT = '1s';

/**
 * Claims channels, and creates missing rows where that is asked for. With an epoch it claims only from that epoch of the same owner
 * (D7). It either skips rows that are held (D6), or waits for them.
 *
 * A process of a cluster names the shards, and gets what the view gives it. The statement looks at the view once it has the
 * locks. A claim may wait for a lock while the view changes and the next process claims the channel. By the view of its
 * beginning it would then take the channel back. The log would stay whole: the next process would be fenced, and claim
 * again. But the two could go on like that.
 *
 * A missing row is created by the view of the beginning. That is safe: the first claim of the next process finds the row and
 * fences its creator.
 */
function claimStatement(skipsHeld: boolean): Statement {
  const skip = sql.raw(skipsHeld ? 'skip locked' : '');
  // It counts for this statement alone, which is a transaction of its own (D22).
  const patience = sql.raw(
    skipsHeld
      ? ''
      : `cross join (select set_config('lock_timeout', '${LOCK_TIMEOUT}', true) as patience) as p`,
  );
  return statement(
    skipsHeld ? 'claim_free' : 'claim',
    sql`
with wanted as materialized (
  select * from unnest(
    ${given('channels')}::text[], ${given('epochs')}::bigint[], ${given('creates')}::boolean[], ${given('shards')}::smallint[]
  ) with ordinality as t (channel, epoch, creates, shard, ord) ${patience}
), known as materialized (
  select w.ord, w.epoch = 0 or (c.epoch = w.epoch and c.owner = ${given('owner')}) as fits
  from ${channels} c join wanted w on w.channel = c.channel
), locked as materialized (
  select c.channel, w.ord from ${channels} c join wanted w on w.channel = c.channel
  where w.epoch = 0 or (c.epoch = w.epoch and c.owner = ${given('owner')})
  order by c.channel for no key update of c ${skip}
), looked as materialized (
  select case when (select bool_or(shard is not null) from wanted)
    then vagus.placed_1(${given('owner')}, ${given('shards')}::smallint[], (select count(*) from locked)) end as is_placed
), judged as materialized (
  select w.channel, w.epoch, w.creates, w.ord, k.fits, w.shard is null or l.is_placed[w.ord] as is_placed
  from wanted w cross join looked l left join known k on k.ord = w.ord
), raised as (
  update ${channels} c set epoch = c.epoch + 1, owner = ${given('owner')}
  from locked join judged j on j.ord = locked.ord
  where c.channel = locked.channel and j.is_placed
  returning c.channel, c.epoch, c.head
), made as (
  insert into ${channels} as c (channel, epoch, owner, head)
  select j.channel, 1, ${given('owner')}, 0 from judged j where j.creates and j.fits is null and j.is_placed
  order by j.channel collate "C" on conflict (channel) do nothing
  returning c.channel, c.epoch, c.head
), granted as (
  select * from raised union all select * from made
)
select j.channel, g.epoch, g.head, j.is_placed from judged j left join granted g on g.channel = j.channel
where g.epoch is not null or j.fits or (j.epoch = 0 and (j.creates or not j.is_placed))`,
  );
}

/** Claims, and waits for rows that are held. */
export const claim = claimStatement(false);
const claimFree = claimStatement(true);

export async function claimAll(
  client: SqlQueries,
  { owner, claims, skipsHeld = false }: StoreCalls['claim']['request'],
  deadlineMs: number,
): Promise<StoreCalls['claim']['reply']> {
  const values = {
    owner,
    channels: claims.map(({ channel }) => channel),
    epochs: claims.map(({ epoch }) => epoch),
    creates: claims.map(({ mode }) => mode === 'create'),
    shards: claims.map(({ shard }) => shard ?? null),
  };
  const rows = await client.query(skipsHeld ? claimFree : claim, values, deadlineMs);
  return new Map((rows as readonly Judged[]).map((row) => [row[0], outcomeOf(row)]));
}

type Judged = readonly [channel: Channel, epoch: number | null, head: number | null, isPlaced: boolean];

function outcomeOf([, epoch, head, isPlaced]: Judged): Claimed | 'busy' | null {
  if (epoch !== null && head !== null) return { epoch, head };
  return isPlaced ? 'busy' : null;
}
