import pg from 'pg';
import { sessionSettings, setUp, statementSettings, withSettings, type Pooler } from './pg-settings.ts';
import { failureOf, SqlError, type Row } from './sql-client.ts';
import type { Statement } from './statement.ts';

/** How long a connection to a server may take: no longer than any caller waits for one. */
const CONNECT_MS = 4_000;

/** Bigints as numbers: seqs, epochs and milliseconds stay far below 2^53. */
export const types: pg.CustomTypesConfig = {
  getTypeParser: (oid, format) =>
    oid === pg.types.builtins.INT8 ? Number : pg.types.getTypeParser(oid, format),
};

/**
 * Hears PostgreSQL's warning that a commit may be at this server alone. A commit waits for the synchronous standbys. When
 * someone cancels the statement or ends the session, the wait is over and the commit stays: PostgreSQL warns, and answers
 * with success. The warning comes before the driver calls back, in every form of the protocol (seen with PostgreSQL 15.18
 * and 18.4, and through PgBouncer 1.18). It is known by the name of the server's function, since its text may be translated.
 */
export class ReplicationWarnings {
  readonly #heard = new WeakSet<pg.ClientBase>();

  listen(client: pg.ClientBase): void {
    client.on('notice', ({ routine }) => {
      if (routine === 'SyncRepWaitForLSN') this.#heard.add(client);
    });
  }

  /** The error of the statement that has just ended: its own, or an unknown outcome when PostgreSQL has warned. */
  outcome(client: pg.ClientBase, error: Error | null): Error | null {
    if (!this.#heard.delete(client)) return error;
    return new SqlError(
      'unknown',
      'it is committed, but the wait for a synchronous standby was cancelled',
      error,
    );
  }
}

export interface SessionOptions {
  readonly url: string;
  /** How long the server may work on a statement: less than any caller waits. */
  readonly statementTimeoutMs: number;
  /** Whether a connection may lead to a pooler, where it is no session and statements cannot be prepared by name. */
  readonly pooler?: Pooler;
}

/** Sends statements: prepared by name if the connection is a session of ours, else with their settings. */
export class PgSessions {
  readonly #options: SessionOptions;
  /** Connections that are sessions of ours alone. */
  readonly #direct = new WeakSet<pg.ClientBase>();
  readonly #warnings = new ReplicationWarnings();

  constructor(options: SessionOptions) {
    this.#options = options;
  }

  /** Opens a connection and sets it up. */
  async open(): Promise<pg.Client> {
    const client = new pg.Client({
      connectionString: this.#options.url,
      application_name: 'vagus',
      keepAlive: true,
      connectionTimeoutMillis: CONNECT_MS,
    });
    // The driver reports a broken connection to its statement, and once more here. Without a listener that ends the process.
    client.on('error', () => {});
    this.#warnings.listen(client);
    try {
      await client.connect();
      await this.setUp(client);
      return client;
    } catch (error) {
      client.end().catch(() => {});
      throw error;
    }
  }

  async setUp(client: pg.ClientBase): Promise<void> {
    const { statementTimeoutMs, pooler = 'auto' } = this.#options;
    if (await setUp(client, sessionSettings(statementTimeoutMs), pooler)) this.#direct.add(client);
  }

  /** `done` gets the driver's error as it is, or an {@link SqlError} when PostgreSQL warns that no standby may have it. */
  send(
    client: pg.ClientBase,
    { name, text }: Statement,
    values: unknown[],
    done: (error: Error | null, rows: readonly Row[]) => void,
  ): void {
    const config = { text, values, rowMode: 'array', types } as const;
    if (this.#direct.has(client)) {
      client.query({ ...config, name }, (error: Error | null, result?: pg.QueryArrayResult) =>
        done(this.#warnings.outcome(client, error), result?.rows ?? []),
      );
      return;
    }
    const settings = statementSettings(this.#options.statementTimeoutMs);
    client.query(
      withSettings(config, settings, (error, rows) => done(this.#warnings.outcome(client, error), rows)),
    );
  }
}

export function toSqlError(error: unknown): SqlError {
  if (error instanceof SqlError) return error;
  const { code } = error as { code?: unknown };
  const isOfServer = error instanceof pg.DatabaseError && typeof code === 'string';
  return new SqlError(isOfServer ? failureOf(code) : 'unknown', messageOf(error), error);
}

/**
 * Whether a connection cannot be used after an error. A late answer on it must not reach the next statement. A connection
 * that may only read (SQLSTATE 25006) leads to a standby, or to a server that became one. The next connection may find the
 * server that accepts writes.
 */
export function isSpoilt(error: SqlError): boolean {
  return (
    error.failure === 'unknown' || (error.cause as { readonly code?: unknown } | undefined)?.code === '25006'
  );
}

/** If the connections to two addresses are refused, the error has no text itself. */
export function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return messageOf(error.errors[0]);
  return error instanceof Error ? error.message : String(error);
}
