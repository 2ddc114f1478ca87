import { sql } from 'drizzle-orm';
import { decidedInMs, REMOVAL_KEPT_MS, REVOCATION_LEEWAY_MS } from '../../protocol/revocation.ts';
import type { StoreCalls } from '../../runtime/ports/log-store.ts';
import type { Removal } from '../../runtime/ports/members.ts';
import type { SessionFinding } from '../../runtime/ports/revocations.ts';
import { drawnFor } from './numbers.ts';
import { removals, revocations } from './schema.ts';
import type { SqlQueries } from './sql-client.ts';
import { given, statement } from './statement.ts';
import { ms } from './statements.ts';

/** Now, rounded down to whole milliseconds, as the columns have them. */
const nowMs = sql`floor(extract(epoch from now()) * 1000)::bigint`;

/**
 * `issued_by` is for nodes of earlier versions, which know no other cut.
 */
const revokeStatement = statement(
  'revoke',
  sql`
with drawn as (${drawnFor(sql``)})
insert into ${revocations} ("user", session, issued_before, issued_by, until, revoked_at, number)
select ${given('user')}::text, ${given('session')}::text, ${given('before')}::double precision,
  coalesce(ceil(${given('before')}::double precision)::bigint - 1, floor(extract(epoch from now()))::bigint),
  coalesce(
    greatest(now(), to_timestamp(${given('before')}::double precision))
      + ${given('keepMs')}::bigint * interval '1 millisecond',
    'infinity'
  ),
  date_trunc('milliseconds', now()), drawn.value
from drawn returning ${nowMs}`,
);

/** Revocations of earlier versions have no number, and are not among them. */
const revokedAfterStatement = statement(
  'revoked_after',
  sql`
(
  select r.number, r.user, null as room, null as why, r.session, r.issued_before, ${ms(sql`r.revoked_at`)} as revoked_at
  from ${revocations} r where r.number > ${given('number')}::bigint and r.until > now()
  order by r.number limit ${given('limit')}::bigint
) union all (
  select m.number, m.user, m.room, m.why, null, null, null
  from ${removals} m where m.number > ${given('number')}::bigint and (m.until is null or m.until > now())
  order by m.number limit ${given('limit')}::bigint
) order by number limit ${given('limit')}::bigint`,
);

const isMeant = sql`("user" = ${given('user')} or session = ${given('session')})`;

const unrevokeStatement = statement(
  'unrevoke',
  sql`delete from ${revocations} where ${isMeant} returning until > now()`,
);

const holdRevocationsStatement = statement(
  'hold_revocations',
  sql`update ${revocations} set until = 'infinity' where ${isMeant} and until > now() and until < 'infinity'`,
);

const pruneRevocationsStatement = statement(
  'prune_revocations',
  sql`
with over as (
  delete from ${revocations} r where r.ctid = any(array(
    select old.ctid from ${revocations} old where old.until <= now()
    order by old.until limit ${given('limit')}::int for update skip locked
  )) returning 1
), known as (
  delete from ${removals} m where m.ctid = any(array(
    select old.ctid from ${removals} old where old.at <= now() - ${REMOVAL_KEPT_MS}::bigint * interval '1 millisecond'
    order by old.at limit ${given('limit')}::int for update skip locked
  )) returning 1
)
select 1 from over union all select 1 from known`,
);

/**
 * The standing of sessions (JW5), as `standingUnder` defines it for each revocation: whether one has ended the session, and
 * the newest that leaves it undecided. A row of an earlier version has only `issued_by`.
 */
const revokedStatement = statement(
  'revoked',
  sql`
select
  coalesce(u.is_ended, false) or exists (
    select from ${revocations} r where r.session = t.session and r.until > now()
  ) as is_ended,
  u.undecided_at,
  ${nowMs} as at
from unnest(
  ${given('users')}::text[], ${given('sessions')}::text[],
  ${given('issuedAts')}::double precision[], ${given('openedAts')}::bigint[]
) with ordinality as t ("user", session, issued_at, opened_at, ord)
cross join lateral (
  select
    bool_or(case
      when r.revoked_at is null then coalesce(floor(t.issued_at), 0) <= r.issued_by
      when t.issued_at is null or t.opened_at <= ${ms(sql`r.revoked_at`)} then true
      when r.issued_before is not null then t.issued_at < r.issued_before
      else t.issued_at * 1000 < ${ms(sql`r.revoked_at`)} - ${REVOCATION_LEEWAY_MS}::bigint
    end) as is_ended,
    max(${ms(sql`r.revoked_at`)}) filter (
      where r.issued_before is null
        and t.issued_at * 1000 <= ${ms(sql`r.revoked_at`)} + ${REVOCATION_LEEWAY_MS}::bigint
    ) as undecided_at
  from ${revocations} r where r.user = t.user and r.until > now()
) u
order by t.ord`,
);

type Reply<Name extends keyof StoreCalls> = Promise<StoreCalls[Name]['reply']>;

/** Ends sessions from now on. */
export async function revoke(
  client: SqlQueries,
  request: StoreCalls['revoke']['request'],
  deadlineMs: number,
): Reply<'revoke'> {
  const [row] = await client.query(revokeStatement, { ...request }, deadlineMs);
  return { at: row?.[0] as number };
}

export async function unrevoke(
  client: SqlQueries,
  request: StoreCalls['unrevoke']['request'],
  deadlineMs: number,
): Reply<'unrevoke'> {
  const rows = await client.query(unrevokeStatement, { ...request }, deadlineMs);
  return rows.some(([isInForce]) => isInForce === true);
}

export async function holdRevocations(
  client: SqlQueries,
  request: StoreCalls['holdRevocations']['request'],
  deadlineMs: number,
): Reply<'holdRevocations'> {
  await client.query(holdRevocationsStatement, { ...request }, deadlineMs);
  return null;
}

export async function pruneRevocations(
  client: SqlQueries,
  request: StoreCalls['pruneRevocations']['request'],
  deadlineMs: number,
): Reply<'pruneRevocations'> {
  return (await client.query(pruneRevocationsStatement, { ...request }, deadlineMs)).length;
}

export async function revokedAfter(
  client: SqlQueries,
  request: StoreCalls['revokedAfter']['request'],
  deadlineMs: number,
): Reply<'revokedAfter'> {
  const rows = await client.query(revokedAfterStatement, { ...request }, deadlineMs);
  return (rows as readonly Newer[]).map(([number, user, room, why, session, before, at]) =>
    room === null
      ? { kind: 'revocation', number, user, session, before, at }
      : { kind: 'removal', number, room, user, why },
  );
}

type Newer = readonly [
  number,
  string | null,
  string | null,
  Removal['why'],
  string | null,
  number | null,
  number,
];

export async function revoked(
  client: SqlQueries,
  { sessions }: StoreCalls['revoked']['request'],
  deadlineMs: number,
): Reply<'revoked'> {
  const values = {
    users: sessions.map((key) => key.user),
    sessions: sessions.map((key) => key.session ?? null),
    issuedAts: sessions.map((key) => key.issuedAt ?? null),
    openedAts: sessions.map((key) => key.openedAt ?? null),
  };
  const rows = await client.query(revokedStatement, values, deadlineMs);
  return (rows as readonly Found[]).map(findingOf);
}

/** Whether the session is ended, since when it is undecided, and when the store looked it up. */
type Found = readonly [boolean, number | null, number];

function findingOf([isEnded, undecidedAt, at]: Found): SessionFinding {
  if (isEnded) return { standing: 'ended', at, retryAfterMs: 0 };
  if (undecidedAt === null) return { standing: 'good', at, retryAfterMs: 0 };
  return { standing: 'undecided', at, retryAfterMs: decidedInMs(undecidedAt, at) };
}
