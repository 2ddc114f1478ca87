import { setTimeout as pause } from 'node:timers/promises';
import { StoreError } from '../store-error.ts';
import { readMigrations, suitsFrom, type AppliedMigration, type Migration } from './migrations.ts';
import type { Row, SqlClient } from './sql-client.ts';

/** The key of the advisory lock, a number that no other program uses: the first bytes of "vagus". */
const LOCK = 0x76_61_67_75;

/** How long a migration waits for another migration, and for locked tables. */
const WAIT_MS = 60_000;

/** How long it waits for a table at a time. The statements of running nodes queue up behind it for that long. */
const TABLE_WAIT_MS = 1_000;
const TABLE_PAUSE_MS = 2_000;

/** SQLSTATE of a lock that was not available in time. */
const LOCK_NOT_AVAILABLE = '55P03';

export interface MigrateOptions {
  readonly waitMs?: number;
  /** The migrations that this code knows. Default: those in `drizzle/`. */
  readonly known?: readonly Migration[];
}

type Run = (sql: string) => Promise<readonly Row[]>;

/**
 * Brings the database to the schema of this version, once, however many nodes start together. It takes one transaction with
 * a lock: one node does the work, and the others then see that it is done. It only reads a database that has the schema
 * already. It refuses a schema whose oldest suitable code is newer than this code (D19). It gives up behind a migration that
 * does not end, since otherwise every node would hang at its start without a message. Returns the names of the applied
 * migrations, in order.
 */
export async function migrate(
  client: SqlClient,
  { waitMs = WAIT_MS, known = readMigrations() }: MigrateOptions = {},
): Promise<readonly string[]> {
  return client.session(async (run) => {
    if (missing(known, await readApplied(run)).length === 0) return [];
    const deadline = Date.now() + waitMs;
    try {
      // Timeouts of the role or the database are for nodes. Not every server has all of these settings.
      await run(`
        begin; set local lock_timeout = ${waitMs}; set local client_min_messages = warning;
        select set_config(name, '0', true) from pg_settings
        where name in ('statement_timeout', 'transaction_timeout', 'idle_in_transaction_session_timeout')`);
      await run(`select pg_advisory_xact_lock(${LOCK})`).catch((error: unknown) => {
        throw isLockTimeout(error) ? busy(waitMs, error) : error;
      });
      // The previous holder of the lock may have applied them.
      const left = missing(known, await readApplied(run));
      if (left.length > 0) await run(CREATE_TABLES);
      for (const migration of left) await apply(run, migration, suitsFrom(known), deadline);
      await run('commit');
      return left.map(({ name }) => name);
    } catch (error) {
      await run('rollback').catch(() => {});
      throw error;
    }
  });
}

/**
 * The last migration recorded in `vagus.migrations`. The first code that used that table refuses a database with a row that
 * it does not know. So later migrations are recorded in another table, which that code does not read.
 */
const LAST_OF_FIRST_TABLE = '0001_lists';

const CREATE_TABLES = `
  create schema if not exists vagus;
  create table if not exists vagus.migrations
    (made bigint primary key, hash text not null, at timestamptz not null default now());
  create table if not exists vagus.schema_changes (
    made bigint primary key, name text not null, hash text not null, suits_from bigint not null,
    at timestamptz not null default now()
  )`;

async function readApplied(run: Run): Promise<readonly AppliedMigration[]> {
  // In a transaction `to_regclass` may answer from an outdated catalog of this session.
  const tables = await run(
    `select tablename from pg_tables where schemaname = 'vagus' and tablename in ('migrations', 'schema_changes')`,
  );
  const has = (table: string): boolean => tables.some(([name]) => name === table);
  const rows = [
    // A row of the first table suits only code that knows it.
    ...(has('migrations') ? await run('select made, made::text, made from vagus.migrations') : []),
    ...(has('schema_changes') ? await run('select made, name, suits_from from vagus.schema_changes') : []),
  ];
  return rows.map(([made, name, from]) => ({
    made: Number(made),
    name: String(name),
    suitsFrom: Number(from),
  }));
}

/** The migrations to apply. Throws when this code is too old for those that have been applied. */
function missing(known: readonly Migration[], applied: readonly AppliedMigration[]): readonly Migration[] {
  const newest = Math.max(...known.map(({ made }) => made));
  const tooNew = applied.find(
    ({ made, suitsFrom: from }) => from > newest && !known.some((migration) => migration.made === made),
  );
  if (tooNew) {
    throw new StoreError(
      'schema_too_new',
      `the database was migrated by a newer version of vagus (${tooNew.name}), and this one is too old for it: ` +
        'run that version, or use another database',
    );
  }
  return known.filter((migration) => !applied.some(({ made }) => made === migration.made));
}

/**
 * The names of the migrations that a start would apply. It only reads. Throws when this code is too old for the database.
 */
export async function missingMigrations(run: Run): Promise<readonly string[]> {
  return missing(readMigrations(), await readApplied(run)).map(({ name }) => name);
}

/** Applies one migration. It tries a locked table again and again, each time for a moment. */
async function apply(run: Run, migration: Migration, from: number, deadline: number): Promise<void> {
  const { made, name, hash, sql } = migration;
  const record =
    name <= LAST_OF_FIRST_TABLE
      ? `insert into vagus.migrations (made, hash) values (${made}, '${hash}')`
      : `insert into vagus.schema_changes (made, name, hash, suits_from) values (${made}, '${name}', '${hash}', ${from})`;
  for (;;) {
    try {
      await run(`savepoint before; set local lock_timeout = ${TABLE_WAIT_MS}; ${sql}; ${record}`);
      return;
    } catch (error) {
      if (!isLockTimeout(error)) throw error;
      if (Date.now() + TABLE_PAUSE_MS > deadline) throw held(name, error);
      await run('rollback to savepoint before');
      await pause(TABLE_PAUSE_MS);
    }
  }
}

const isLockTimeout = (error: unknown): boolean => (error as { code?: unknown }).code === LOCK_NOT_AVAILABLE;

function busy(waitMs: number, cause: unknown): StoreError {
  return new StoreError(
    'migration_busy',
    `another process is migrating the database and has not finished within ${waitMs / 1_000} s: ` +
      "end it (application_name 'vagus migrate' in pg_stat_activity) if it hangs, then start again",
    { cause },
  );
}

function held(name: string, cause: unknown): StoreError {
  return new StoreError(
    'migration_busy',
    `the migration ${name} needs a table that another transaction has locked: end that transaction (pg_locks names it), then start again`,
    { cause },
  );
}
