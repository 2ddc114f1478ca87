import type { LogStore } from '../runtime/ports/log-store.ts';
import { worthOf, type AckWorth, type Commits } from './ack-worth.ts';
import { StoreError } from './store-error.ts';
import { readCommitSettings } from './postgres/commit-settings.ts';
import { migrate } from './postgres/migrate.ts';
import { PgClient } from './postgres/pg-client.ts';
import { messageOf } from './postgres/pg-session.ts';
import type { Pooler } from './postgres/pg-settings.ts';
import { PgliteClient } from './postgres/pglite-client.ts';
import {
  APPENDS_AT_ONCE,
  LINE_CONNECTIONS,
  OPEN_DEADLINE_MS,
  PostgresLogStore,
} from './postgres/postgres-log-store.ts';

export interface StoreOptions {
  /** The URL of a server. Without it the store uses the embedded database in `dataDir` (D19). */
  readonly databaseUrl: string | undefined;
  readonly dataDir: string;
  /** In all, at least four: three are for appends and the lease. */
  readonly connections: number;
  readonly statementTimeoutMs: number;
  readonly pooler?: Pooler;
  /** Whether a server may have `fsync` off. Default: `refuse`. */
  readonly fsyncOff?: 'refuse' | 'allow';
  readonly onIdleError: (error: Error) => void;
  /** The embedded database ended by itself, so the process cannot continue. */
  readonly onEnd: (error: Error) => void;
}

export type OpenStore = LogStore & {
  close(): Promise<void>;
  /** What an ack is worth, as the database said at the start. */
  readonly ack: AckWorth;
};

/** Opens the log after migrating it. Rejects with a {@link StoreError}. */
export async function openStore(options: StoreOptions): Promise<OpenStore> {
  let client: PgClient | PgliteClient | undefined;
  try {
    client = await openClient(options);
    const appends = client.line(APPENDS_AT_ONCE);
    const commits =
      options.databaseUrl === undefined ? 'embedded' : await readCommitSettings(appends, OPEN_DEADLINE_MS);
    refuseFsyncOff(commits, options);
    await migrate(client);
    return Object.assign(await PostgresLogStore.open(client, appends), { ack: worthOf(commits) });
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

function refuseFsyncOff(commits: Commits, { databaseUrl = '', fsyncOff = 'refuse' }: StoreOptions): void {
  if (typeof commits === 'string' || commits.fsync || fsyncOff === 'allow') return;
  throw new StoreError(
    'fsync_off',
    `the database${placeOf(databaseUrl)} of DATABASE_URL (databaseUrl) has fsync off, so a power cut may destroy it with ` +
      'all that was acked: turn fsync on, or set VAGUS_DATABASE_FSYNC_OFF (databaseFsyncOff) to allow',
  );
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
export function placeOf(databaseUrl: string): string {
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
