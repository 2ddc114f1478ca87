import type { LogStore } from '../runtime/ports/log-store.ts';
import { StoreError } from './store-error.ts';
import { migrate } from './postgres/migrate.ts';
import { PgClient } from './postgres/pg-client.ts';
import { messageOf } from './postgres/pg-session.ts';
import type { Pooler } from './postgres/pg-settings.ts';
import { PgliteClient } from './postgres/pglite-client.ts';
import { LINE_CONNECTIONS, PostgresLogStore } from './postgres/postgres-log-store.ts';

export interface StoreOptions {
  /** The URL of a server. Without it the store uses the embedded database in `dataDir` (D19). */
  readonly databaseUrl: string | undefined;
  readonly dataDir: string;
  /** In all, at least four: three are for appends and the lease. */
  readonly connections: number;
  readonly statementTimeoutMs: number;
  readonly pooler?: Pooler;
  readonly onIdleError: (error: Error) => void;
  /** The embedded database ended by itself, so the process cannot continue. */
  readonly onEnd: (error: Error) => void;
}

export type OpenStore = LogStore & { close(): Promise<void> };

/** Opens the log after migrating it. Rejects with a {@link StoreError}. */
export async function openStore(options: StoreOptions): Promise<OpenStore> {
  let client: PgClient | PgliteClient | undefined;
  try {
    client = await openClient(options);
    await migrate(client);
    return await PostgresLogStore.open(client);
  } catch (error) {
    await client?.close().catch(() => {});
    throw unavailable(options, error);
  }
}

/**
 * Migrates a database to the schema of this version and closes it. Returns the names of the applied migrations, in their
 * order. Rejects as {@link openStore} does.
 */
export async function migrateStore(
  options: Pick<StoreOptions, 'databaseUrl' | 'dataDir'>,
): Promise<readonly string[]> {
  const nothing = (): void => {};
  // The timeout belongs to the pool, which a migration does not use. A migration may take its time.
  const pool = { connections: 1, statementTimeoutMs: 0, onIdleError: nothing, onEnd: nothing };
  let client: PgClient | PgliteClient | undefined;
  try {
    client = await openClient({ ...options, ...pool });
    return await migrate(client);
  } catch (error) {
    throw unavailable(options, error);
  } finally {
    await client?.close().catch(() => {});
  }
}

/** Adds the database and its setting to an error, because drivers name neither. */
function unavailable(
  { databaseUrl, dataDir }: Pick<StoreOptions, 'databaseUrl' | 'dataDir'>,
  cause: unknown,
): Error {
  if (cause instanceof StoreError) return cause;
  const which =
    databaseUrl === undefined
      ? `the embedded database in ${dataDir}, the folder of VAGUS_DATA_DIR (dataDir),`
      : `the database${placeOf(databaseUrl)} of DATABASE_URL (databaseUrl)`;
  return new StoreError('database_unavailable', `${which} cannot be opened: ${messageOf(cause)}`, { cause });
}

/** The URL without user and password. */
function placeOf(databaseUrl: string): string {
  const { host, pathname } = new URL(databaseUrl);
  return host === '' ? '' : ` at ${host}${pathname}`;
}

async function openClient(options: StoreOptions): Promise<PgClient | PgliteClient> {
  const { databaseUrl, dataDir, onEnd, ...pool } = options;
  return databaseUrl === undefined
    ? PgliteClient.open({ folder: dataDir, onEnd })
    : new PgClient({
        ...pool,
        connections: Math.max(1, pool.connections - LINE_CONNECTIONS),
        url: databaseUrl,
      });
}
