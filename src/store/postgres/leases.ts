import { sql, type SQL } from 'drizzle-orm';
import type { Channel } from '../../protocol/channels.ts';
import type { Lease, LeaseCalls } from '../../runtime/ports/leases.ts';
import { newestNumber } from './numbers.ts';
import { leases, messages, view } from './schema.ts';
import { SqlError, type Row, type SqlQueries } from './sql-client.ts';
import { given, statement, type Statement } from './statement.ts';

const nowMs = sql`(extract(epoch from now()) * 1000)::bigint`;

/** PostgreSQL in recovery refuses `pg_current_wal_lsn`. */
const timeline = sql`case when pg_is_in_recovery() then null else left(pg_walfile_name(pg_current_wal_lsn()), 8) end`;

/**
 * The leases of all other processes, which view there is, how far the changes of rights go, and the state of the database: at
 * least one row.
 */
const looked = (isHeld: SQL, timelineOrNull: SQL) => sql`
select ${isHeld} as is_held, ${nowMs} as at, ${timelineOrNull} as timeline, pg_is_in_recovery() as is_in_recovery,
  ${newestNumber} as losses, v.version, v.stamp, l.incarnation, l.node, l.beats, l.dead_at is not null as is_dead, l.takes_homes, l.heard
from (select 1) one left join ${view} v on v.is_only left join ${leases} l on l.incarnation <> ${given('incarnation')}
order by l.incarnation`;

const IS_HELD = sql`exists (select from beat)`;

const taking = (timelineOrNull: SQL) => sql`
with beat as (
  insert into ${leases} as l (incarnation, node, takes_homes, heard)
  values (${given('incarnation')}, ${given('node')}, ${given('takesHomes')}, ${given('isHeard')})
  on conflict (incarnation) do update set beats = l.beats + 1, takes_homes = excluded.takes_homes, heard = excluded.heard
  where l.dead_at is null
  returning 1
) ${looked(IS_HELD, timelineOrNull)}`;

const renewing = (timelineOrNull: SQL) => sql`
with beat as (
  update ${leases} l set beats = l.beats + 1, takes_homes = ${given('takesHomes')}, heard = ${given('isHeard')}
  where l.incarnation = ${given('incarnation')} and l.dead_at is null
  returning 1
) ${looked(IS_HELD, timelineOrNull)}`;

const NO_TIMELINE = sql`null::text`;

const WITH_TIMELINE = {
  take: statement('take_lease', taking(timeline)),
  renew: statement('renew_lease', renewing(timeline)),
};

const WITHOUT_TIMELINE = {
  take: statement('take_lease_only', taking(NO_TIMELINE)),
  renew: statement('renew_lease_only', renewing(NO_TIMELINE)),
};

/** The statement that works in recovery too. */
const look = statement('look_at_leases', looked(sql`false`, NO_TIMELINE));

const timelineRead = statement('timeline', sql`select ${timeline}`);

/**
 * A process waits for its own lease, so that it surely goes. The leases of others it skips while another statement has them
 * locked: its own next renewal would wait behind this statement.
 */
const ended = statement(
  'end_leases',
  sql`
with given as materialized (
  select * from unnest(${given('incarnations')}::text[], ${given('beats')}::bigint[]) as t (incarnation, beats)
), stale as materialized (
  select l.incarnation from ${leases} l join given g on l.incarnation = g.incarnation and l.beats = g.beats
  order by l.incarnation for update of l skip locked
), over as (
  select incarnation from stale union all select incarnation from given where beats is null
)
delete from ${leases} l using over where l.incarnation = over.incarnation`,
);

/**
 * The statement finds the rows first, by their time alone. Otherwise a plan made on empty tables reads the whole primary
 * key, because that has the channels in order.
 */
const moved = statement(
  'moved',
  sql`
with fresh as materialized (
  select m.channel, m.seq from ${messages} m
  where m.stored_at > least(to_timestamp(${given('since')}::bigint / 1000.0), now())
    - ${given('marginMs')}::bigint * interval '1 millisecond'
    and coalesce(to_timestamp(${given('since')}::bigint / 1000.0) > now() - ${given('backMaxMs')}::bigint * interval '1 millisecond', true)
), heads as (select channel, max(seq) as head from fresh group by channel)
select ${nowMs} as at,
  coalesce(to_timestamp(${given('since')}::bigint / 1000.0) > now() - ${given('backMaxMs')}::bigint * interval '1 millisecond', true) as is_near,
  h.channel, h.head
from (select 1) one left join heads h on true`,
);

/** Leases (D11), and the channels that moved while another process had one (D13). */
export class LeaseStatements {
  readonly #client: SqlQueries;
  readonly #statements: Readonly<Record<'take' | 'renew', Statement>>;
  /** The database's timeline, as of the last renewal. Null when the database cannot tell. */
  timeline: string | null;

  private constructor(
    client: SqlQueries,
    statements: Readonly<Record<'take' | 'renew', Statement>>,
    timelineNow: string | null,
  ) {
    this.#client = client;
    this.#statements = statements;
    this.timeline = timelineNow;
  }

  /** Some databases that speak PostgreSQL's protocol have no timelines, and answer the question with an error. */
  static async open(client: SqlQueries, deadlineMs: number): Promise<LeaseStatements> {
    try {
      const [row] = await client.query(timelineRead, {}, deadlineMs);
      return new LeaseStatements(client, WITH_TIMELINE, (row?.[0] ?? null) as string | null);
    } catch (error) {
      if (!(error instanceof SqlError) || error.failure === 'unknown') throw error;
      return new LeaseStatements(client, WITHOUT_TIMELINE, null);
    }
  }

  async renew(
    { mode, incarnation, node, takesHomes = false, isHeard = true }: LeaseCalls['renew']['request'],
    deadlineMs: number,
  ): Promise<LeaseCalls['renew']['reply']> {
    const values = { incarnation, node, takesHomes, isHeard };
    try {
      const renewal = replyOf(await this.#client.query(this.#statements[mode], values, deadlineMs));
      this.timeline = renewal.timeline ?? this.timeline;
      return renewal;
    } catch (error) {
      if (!isReadOnly(error)) throw error;
      return replyOf(await this.#client.query(look, values, deadlineMs));
    }
  }

  async end({ leases: over }: LeaseCalls['endLeases']['request'], deadlineMs: number): Promise<null> {
    const incarnations = over.map(({ incarnation }) => incarnation);
    await this.#client.query(ended, { incarnations, beats: over.map(({ beats }) => beats) }, deadlineMs);
    return null;
  }

  async moved(
    request: LeaseCalls['moved']['request'],
    deadlineMs: number,
  ): Promise<LeaseCalls['moved']['reply']> {
    const rows = await this.#client.query(moved, { ...request }, deadlineMs);
    const [at, isNear] = rows[0] as [number, boolean];
    const found = rows.filter((row) => row[2] !== null).map((row) => [row[2], row[3]] as [Channel, number]);
    return { at, heads: isNear ? new Map(found) : null };
  }
}

/** SQLSTATE of a write to a database that allows only reads, such as one in recovery. */
const READ_ONLY = '25006';

function isReadOnly(error: unknown): boolean {
  const cause = error instanceof SqlError ? error.cause : undefined;
  return (cause as { code?: unknown } | undefined)?.code === READ_ONLY;
}

function replyOf(rows: readonly Row[]): LeaseCalls['renew']['reply'] {
  const [isHeld, at, timelineNow, isInRecovery, losses, version, stamp] = rows[0] as RowOfDatabase;
  const found = rows.map((row) => row.slice(7)).filter(([incarnation]) => incarnation !== null);
  return {
    isHeld,
    at,
    timeline: timelineNow,
    isInRecovery,
    losses,
    view: version === null ? null : { version, stamp },
    leases: found.map(([incarnation, node, beats, isDead, takesHomes, isHeard]): Lease => {
      return { incarnation, node, beats, isDead, takesHomes, isHeard } as Lease;
    }),
  };
}

/** What each row of a renewal says about the database. A lease follows. */
type RowOfDatabase = readonly [boolean, number, string | null, boolean, number, number | null, string];
