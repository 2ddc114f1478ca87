import type { Statement } from './statement.ts';

/**
 * Why a statement has no result.
 * - `data`: the server refused the values (SQLSTATE classes 21, 22, 23, 54). The same statement would fail again.
 * - `failed`: it was certainly not carried out.
 * - `unknown`: it may have been carried out, or may still be.
 */
export type SqlFailure = 'data' | 'failed' | 'unknown';

export class SqlError extends Error {
  readonly failure: SqlFailure;

  constructor(failure: SqlFailure, message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'SqlError';
    this.failure = failure;
  }
}

export type Row = readonly unknown[];

/** The result of a statement: its rows, with bigints as numbers, or why there are none. */
export type SqlResult = readonly Row[] | SqlError;

/** Carries out single statements. */
export interface SqlQueries {
  /** Rejects with a {@link SqlError}, by the deadline at the latest. */
  query(
    statement: Statement,
    values: Readonly<Record<string, unknown>>,
    deadlineMs: number,
  ): Promise<readonly Row[]>;
}

/** Connections for one kind of statement. Statements of other kinds cannot take or delay them. */
export interface SqlLine extends SqlQueries {
  /** As {@link SqlQueries.query}, without a promise, for statements where every microsecond counts. */
  send(
    statement: Statement,
    values: Readonly<Record<string, unknown>>,
    deadlineMs: number,
    done: (result: SqlResult) => void,
  ): void;
}

/** The way to one PostgreSQL: a server, or the embedded one. */
export interface SqlClient extends SqlQueries {
  /** Runs statements in one session, for migrations, and closes it afterwards. */
  session<Result>(work: (run: (sql: string) => Promise<readonly Row[]>) => Promise<Result>): Promise<Result>;
  /** Opens a line of up to so many connections of its own. The client closes it with itself. */
  line(connections: number): SqlLine;
  close(): Promise<void>;
}

/** Sorts an error of the server by its SQLSTATE. If the server itself reported an error, it has undone the statement. */
export function failureOf(sqlState: string): SqlFailure {
  const dataClasses = ['21', '22', '23', '54'];
  if (dataClasses.includes(sqlState.slice(0, 2))) return 'data';
  // The server went down during the statement, or does not know its outcome. It may have committed before.
  const unknown = ['57P01', '57P02', '40003'];
  return sqlState.startsWith('08') || unknown.includes(sqlState) ? 'unknown' : 'failed';
}
