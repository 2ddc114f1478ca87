import pg from 'pg';
import { sessionSettings, setUp, statementSettings, withSettings, type Pooler } from './pg-settings.ts';
import { failureOf, SqlError, type Row, type SqlClient } from './sql-client.ts';
import type { Statement } from './statement.ts';

export interface PgOptions {
  readonly url: string;
  readonly connections: number;
  /** How long the server may work on one statement: less than any caller waits. */
  readonly statementTimeoutMs: number;
  /** Whether connections are our own sessions, and their statements can be prepared by name. */
  readonly pooler?: Pooler;
  /** Told of connections that broke while nobody used them. */
  readonly onIdleError: (error: Error) => void;
}

/** Bigints as numbers: seqs, epochs and milliseconds stay far below 2^53. */
const types: pg.CustomTypesConfig = {
  getTypeParser: (oid, format) =>
    oid === pg.types.builtins.INT8 ? Number : pg.types.getTypeParser(oid, format),
};

/** A PostgreSQL server, through a pool. */
export class PgClient implements SqlClient {
  readonly concurrency: number;
  readonly #pool: pg.Pool;
  readonly #url: string;
  readonly #statementTimeoutMs: number;
  /** Connections that are sessions of ours alone. */
  readonly #direct = new WeakSet<pg.ClientBase>();

  constructor(options: PgOptions) {
    const { statementTimeoutMs, pooler = 'auto' } = options;
    this.#statementTimeoutMs = statementTimeoutMs;
    this.concurrency = options.connections;
    this.#url = options.url;
    // A promise that the pool waits for; its types do not know that.
    const onConnect: unknown = async (client: pg.ClientBase) => {
      if (await setUp(client, sessionSettings(statementTimeoutMs), pooler)) this.#direct.add(client);
    };
    this.#pool = new pg.Pool({
      connectionString: options.url,
      max: options.connections,
      application_name: 'vagus',
      keepAlive: true,
      onConnect: onConnect as (client: pg.ClientBase) => void,
    });
    this.#pool.on('error', options.onIdleError);
    // A connection that breaks says so to its query, and once more to whoever listens; nobody listening is fatal.
    this.#pool.on('connect', (client) => client.on('error', () => {}));
  }

  async query(
    statement: Statement,
    values: Readonly<Record<string, unknown>>,
    deadlineMs: number,
  ): Promise<readonly Row[]> {
    const deadline = Date.now() + deadlineMs;
    const client = await this.#connect(deadlineMs);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => reject(new SqlError('unknown', `no answer within ${deadlineMs} ms`)),
        Math.max(0, deadline - Date.now()),
      );
    });
    try {
      const rows = await Promise.race([this.#send(client, statement, statement.bind(values)), late]);
      client.release();
      return rows;
    } catch (error) {
      const known = toSqlError(error);
      // Whatever the connection still has under way must not reach the next who uses it. And one that may only read leads
      // to a server that is not the one to write to any more: the next connection may find that.
      client.release(known.failure === 'unknown' || isReadOnly(error) ? known : undefined);
      throw known;
    } finally {
      clearTimeout(timer);
    }
  }

  async #send(client: pg.PoolClient, { name, text }: Statement, values: unknown[]): Promise<readonly Row[]> {
    const config = { text, values, rowMode: 'array', types } as const;
    if (this.#direct.has(client)) return (await client.query({ ...config, name })).rows;
    return new Promise((resolve, reject) => {
      const settings = statementSettings(this.#statementTimeoutMs);
      client.query(withSettings(config, settings, (error, rows) => (error ? reject(error) : resolve(rows))));
    });
  }

  /** Nothing has been sent when this fails, so nothing was carried out. */
  async #connect(deadlineMs: number): Promise<pg.PoolClient> {
    let timer: NodeJS.Timeout | undefined;
    const connecting = this.#pool.connect();
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => reject(new SqlError('failed', `no connection within ${deadlineMs} ms`)),
        deadlineMs,
      );
    });
    try {
      return await Promise.race([connecting, late]);
    } catch (error) {
      connecting.then((client) => client.release()).catch(() => {});
      throw error instanceof SqlError ? error : new SqlError('failed', messageOf(error), error);
    } finally {
      clearTimeout(timer);
    }
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
    try {
      await client.connect();
      return await work(async (text) => {
        const result = (await client.query({
          text,
          rowMode: 'array',
          types,
        } as pg.QueryArrayConfig)) as pg.QueryArrayResult;
        return result.rows ?? [];
      });
    } finally {
      await client.end().catch(() => {});
    }
  }

  close(): Promise<void> {
    return this.#pool.end();
  }
}

function toSqlError(error: unknown): SqlError {
  if (error instanceof SqlError) return error;
  const { code } = error as { code?: unknown };
  const isOfServer = error instanceof pg.DatabaseError && typeof code === 'string';
  return new SqlError(isOfServer ? failureOf(code) : 'unknown', messageOf(error), error);
}

/** SQLSTATE read_only_sql_transaction: what a standby answers, and a server that was demoted to one. */
function isReadOnly(error: unknown): boolean {
  return (error as { readonly code?: unknown }).code === '25006';
}

/** A refused connection over two addresses is an error without a text of its own. */
export function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return messageOf(error.errors[0]);
  return error instanceof Error ? error.message : String(error);
}
