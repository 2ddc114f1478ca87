import { sql, type SQL } from 'drizzle-orm';
import { counters } from './schema.ts';

/** Losses of all rights draw from one counter. It has the name of the ones that were the first to. */
const COUNTER = 'revocations';

/** The number of the newest loss of a right; 0 when there was none. */
export const newestNumber = sql`coalesce((select c.value from ${counters} c where c.name = ${COUNTER}), 0)::bigint`;

/**
 * Draws a number for the one row of `from`, or none for no row. It waits for the commit of the statement that drew the one before,
 * so that the order of the numbers is that of the commits (D25). Every other lock of the statement must come before it: then it
 * cannot deadlock.
 *
 * A number is at least the time in milliseconds. So no change repeats a number that a failover has lost: a node would take it for
 * one that it has read.
 */
export const drawnFor = (from: SQL): SQL => sql`
  insert into ${counters} as c (name, value)
  select ${COUNTER}, floor(extract(epoch from now()) * 1000)::bigint ${from}
  on conflict (name) do update set value = greatest(c.value + 1, excluded.value)
  returning c.value`;
