import pg from 'pg';
import { PgLine } from './pg-line.ts';
import { PgSessions, ReplicationWarnings, types, type SessionOptions } from './pg-session.ts';
import type { Row, SqlClient } from './sql-client.ts';
import type { Statement } from './statement.ts';

export interface PgOptions extends SessionOptions {
  /** Connections of `query`. Other lines have theirs in addition. */
  readonly connections: number;
  /** Called with the error of a connection that broke while no statement used it. */
  readonly onIdleError: (error: Error) => void;
}

/** A PostgreSQL server, through lines of connections. */
export class PgClient implements SqlClient {
  readonly #url: string;
  readonly #sessions: PgSessions;
  readonly #lines: PgLine[] = [];
  readonly #onIdleError: (error: Error) => void;
  /** The connections of {@link query}. */
  readonly #queries: PgLine;

  constructor(options: PgOptions) {
    this.#url = options.url;
    this.#sessions = new PgSessions(options);
    this.#onIdleError = options.onIdleError;
    this.#queries = this.line(options.connections);
  }

  line(connections: number): PgLine {
    const line = new PgLine({ sessions: this.#sessions, connections, onIdleError: this.#onIdleError });
    this.#lines.push(line);
    return line;
  }

  query(
    statement: Statement,
    values: Readonly<Record<string, unknown>>,
    deadlineMs: number,
  ): Promise<readonly Row[]> {
    return this.#queries.query(statement, values, deadlineMs);
  }

  async session<Result>(
    work: (run: (sql: string) => Promise<readonly Row[]>) => Promise<Result>,
  ): Promise<Result> {
    const client = new pg.Client({
      connectionString: this.#url,
      application_name: 'vagus migrate',
      connectionTimeoutMillis: 10_000,
    });
    client.on('error', () => {});
    const warnings = new ReplicationWarnings();
    warnings.listen(client);
    try {
      await client.connect();
      return await work(async (text) => {
        const result = (await client.query({
          text,
          rowMode: 'array',
          types,
        } as pg.QueryArrayConfig)) as pg.QueryArrayResult;
        const unknown = warnings.outcome(client, null);
        if (unknown) throw unknown;
        return result.rows ?? [];
      });
    } finally {
      await client.end().catch(() => {});
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#lines.map((line) => line.close()));
  }
}
