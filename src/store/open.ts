import type { LogStore } from '../runtime/ports/log-store.ts';
import { migrate } from './postgres/migrate.ts';
import { PgClient } from './postgres/pg-client.ts';
import { PgliteClient } from './postgres/pglite-client.ts';
import { PostgresLogStore } from './postgres/postgres-log-store.ts';

export interface StoreOptions {
  /** A server; without one the embedded database in `dataDir` is used (D19). */
  readonly databaseUrl: string | undefined;
  readonly dataDir: string;
  readonly connections: number;
  readonly statementTimeoutMs: number;
  readonly onIdleError: (error: Error) => void;
  /** The embedded database ended by itself: the process cannot go on. */
  readonly onEnd: (error: Error) => void;
}

export type OpenStore = LogStore & { close(): Promise<void> };

/** Opens the log, migrating it first. Rejects with an error whose message says what to do. */
export async function openStore(options: StoreOptions): Promise<OpenStore> {
  const client = await openClient(options);
  try {
    await migrate(client);
    return await PostgresLogStore.open(client);
  } catch (error) {
    await client.close().catch(() => {});
    throw error;
  }
}

/**
 * Brings a database to the schema of this version and closes it again. The names of the migrations that were applied,
 * in their order. Rejects as {@link openStore} does.
 */
export async function migrateStore(
  options: Pick<StoreOptions, 'databaseUrl' | 'dataDir'>,
): Promise<readonly string[]> {
  const nothing = (): void => {};
  // The timeout is of the pool, which a migration does not use: it may take its time.
  const pool = { connections: 1, statementTimeoutMs: 0, onIdleError: nothing, onEnd: nothing };
  const client = await openClient({ ...options, ...pool });
  try {
    return await migrate(client);
  } finally {
    await client.close().catch(() => {});
  }
}

async function openClient(options: StoreOptions): Promise<PgClient | PgliteClient> {
  const { databaseUrl, dataDir, connections, statementTimeoutMs, onIdleError, onEnd } = options;
  return databaseUrl === undefined
    ? PgliteClient.open({ folder: dataDir, onEnd })
    : new PgClient({ url: databaseUrl, connections, statementTimeoutMs, onIdleError });
}
