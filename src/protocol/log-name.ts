/** A UUID, and perhaps a number in hexadecimal. */
export const LOG_NAME = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}(\.[1-9a-f][0-9a-f]{0,7})?$/;

/** The first timeline as PostgreSQL writes it: a database that never failed over is on it. */
const FIRST_TIMELINE = 1;

/**
 * The name of a log (D21): the id of its database and, after a failover, the database's timeline behind a dot.
 * `timeline` is hexadecimal; null when the database cannot report it.
 */
export function logName(database: string, timeline: string | null): string {
  const number = timeline === null ? FIRST_TIMELINE : Number.parseInt(timeline, 16);
  return number === FIRST_TIMELINE ? database : `${database}.${number.toString(16)}`;
}

/** Whether two names are of one database. */
export function isSameDatabase(one: string, other: string): boolean {
  return databaseOf(one) === databaseOf(other);
}

/** The name of the database that a log is in. */
export function databaseOf(name: string): string {
  const [database = ''] = name.split('.', 1);
  return database;
}
