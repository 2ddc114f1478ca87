import type { Statement } from './statement.ts';

/**
 * Why a statement has no result.
 * - `data`: the server refused what it was given (SQLSTATE classes 21, 22, 23, 54): the same again would fail again.
 * - `failed`: it was certainly not carried out.
 * - `unknown`: it may have been carried out, or be carried out yet.
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

/** One way to a PostgreSQL: a server through a pool, or the one inside the process. */
export interface SqlClient {
  /** Rows as arrays; bigints as numbers. Rejects with a {@link SqlError}, by the deadline at the latest. */
  query(
    statement: Statement,
    values: Readonly<Record<string, unknown>>,
    deadlineMs: number,
  ): Promise<readonly Row[]>;
  /** Statements in one session, for migrations; the session is closed afterwards. */
  session<Result>(work: (run: (sql: string) => Promise<readonly Row[]>) => Promise<Result>): Promise<Result>;
  /** Statements that can be under way at once. */
  readonly concurrency: number;
  close(): Promise<void>;
}

/** Sorts an error of the server by its SQLSTATE: an error that the server itself reported has undone the statement. */
export function failureOf(sqlState: string): SqlFailure {
  const dataClasses = ['21', '22', '23', '54'];
  if (dataClasses.includes(sqlState.slice(0, 2))) return 'data';
  // The server went down under the statement, or says that it does not know: it may have committed before.
  const unknown = ['57P01', '57P02', '40003'];
  return sqlState.startsWith('08') || unknown.includes(sqlState) ? 'unknown' : 'failed';
}
