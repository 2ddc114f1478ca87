import { sql } from 'drizzle-orm';
import type { LeaseCalls } from '../../runtime/ports/leases.ts';
import type { View } from '../../runtime/ports/placement.ts';
import { leases, view } from './schema.ts';
import type { SqlQueries } from './sql-client.ts';
import { given, statement } from './statement.ts';

// The view, and the end of leases that it depends on (D11). These statements go over the connection of the renewals, so no
// other statement holds them back. None waits for a row that another statement has locked: a statement whose sender is gone
// may hold a row for seconds, and the caller's next renewal would wait behind it.

/** It skips a row that another statement has locked. That is a renewal, or says the same. */
const declareDeadStatement = statement(
  'declare_dead',
  sql`
with stale as materialized (
  select l.incarnation from ${leases} l
  join unnest(${given('incarnations')}::text[], ${given('beats')}::bigint[]) as t (incarnation, beats)
    on l.incarnation = t.incarnation and l.beats = coalesce(t.beats, l.beats)
  where l.dead_at is null
  order by l.incarnation for no key update of l skip locked
)
update ${leases} l set dead_at = now() from stale where l.incarnation = stale.incarnation`,
);

const viewStatement = statement(
  'view',
  sql`select v.version, v.stamp, v.nodes, v.shards from ${view} v where v.is_only`,
);

/** For the first view. */
const makeViewStatement = statement(
  'make_view',
  sql`
insert into ${view} (version, stamp, nodes, shards)
values (${given('version')}::bigint, ${given('stamp')}::uuid, ${given('nodes')}::text[], ${given('shards')}::smallint[])
on conflict (is_only) do nothing returning 1`,
);

/**
 * It keeps the columns of later versions. If another statement has locked the row, that one changes the view, and this one
 * does not.
 */
const changeViewStatement = statement(
  'change_view',
  sql`
with same as materialized (
  select v.is_only from ${view} v
  where v.is_only and v.version = ${given('beforeVersion')}::bigint and v.stamp = ${given('beforeStamp')}::uuid
  for no key update of v skip locked
)
update ${view} v set version = ${given('version')}::bigint, stamp = ${given('stamp')}::uuid,
  nodes = ${given('nodes')}::text[], shards = ${given('shards')}::smallint[]
from same where v.is_only = same.is_only returning 1`,
);

export async function declareDead(
  client: SqlQueries,
  { leases: stale }: LeaseCalls['declareDead']['request'],
  deadlineMs: number,
): Promise<null> {
  const incarnations = stale.map(({ incarnation }) => incarnation);
  const beats = stale.map((lease) => lease.beats);
  await client.query(declareDeadStatement, { incarnations, beats }, deadlineMs);
  return null;
}

export async function readView(client: SqlQueries, deadlineMs: number): Promise<View | null> {
  const [row] = await client.query(viewStatement, {}, deadlineMs);
  if (!row) return null;
  const [version, stamp, nodes, shards] = row as [number, string, string[], number[]];
  return { version, stamp, nodes, shards };
}

export async function changeView(
  client: SqlQueries,
  { before, view: next }: LeaseCalls['changeView']['request'],
  deadlineMs: number,
): Promise<boolean> {
  const values = { version: next.version, stamp: next.stamp, nodes: next.nodes, shards: next.shards };
  const rows = before
    ? await client.query(
        changeViewStatement,
        { ...values, beforeVersion: before.version, beforeStamp: before.stamp },
        deadlineMs,
      )
    : await client.query(makeViewStatement, values, deadlineMs);
  return rows.length > 0;
}
