import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readMigrationFiles, type MigrationMeta } from 'drizzle-orm/migrator';
import { StoreError } from '../store-error.ts';
import type { SqlClient } from './sql-client.ts';

const folder = fileURLToPath(new URL('../../../drizzle', import.meta.url));

/** Any number that nobody else uses: the first bytes of "vagus". */
const LOCK = 0x76_61_67_75;

/** How long a migration waits for another one, or for a table that somebody holds. */
const WAIT_MS = 60_000;

/**
 * Brings the database to the schema of this version, once however many nodes start together: an advisory lock
 * lets one of them work and the others see that it is done. Refuses a newer schema (D19), and gives up behind a
 * migration that does not end, or every node that starts would hang without a word. Returns the names of what it applied,
 * in order.
 */
export async function migrate(client: SqlClient, waitMs = WAIT_MS): Promise<readonly string[]> {
  const known = readMigrationFiles({ migrationsFolder: folder });
  return client.session(async (run) => {
    await run(`set lock_timeout = ${waitMs}`);
    await run(`select pg_advisory_lock(${LOCK})`).catch((error: unknown) => {
      throw (error as { code?: unknown }).code === LOCK_NOT_AVAILABLE ? busy(waitMs, error) : error;
    });
    await run('create schema if not exists vagus');
    await run(
      'create table if not exists vagus.migrations (made bigint primary key, hash text not null, at timestamptz not null default now())',
    );
    const applied = new Set((await run('select made from vagus.migrations')).map(([made]) => Number(made)));
    const strange = [...applied].filter(
      (made) => !known.some((migration) => migration.folderMillis === made),
    );
    if (strange.length > 0) {
      throw new StoreError(
        'schema_too_new',
        'the database was migrated by a newer version of vagus: run that version, or use another database',
      );
    }
    const missing = known.filter((migration) => !applied.has(migration.folderMillis));
    for (const migration of missing) await apply(run, migration);
    // The embedded database has this one session for everything.
    await run(`select pg_advisory_unlock(${LOCK}); reset lock_timeout`);
    return missing.map(nameOf);
  });
}

/** SQLSTATE. */
const LOCK_NOT_AVAILABLE = '55P03';

function busy(waitMs: number, cause: unknown): StoreError {
  return new StoreError(
    'migration_busy',
    `another process is migrating the database and has not finished within ${waitMs / 1_000} s: ` +
      "end it (application_name 'vagus migrate' in pg_stat_activity) if it hangs, then start again",
    { cause },
  );
}

/** The name of its file; drizzle-orm reads only the time that goes with it. */
function nameOf({ folderMillis }: MigrationMeta): string {
  const { entries } = JSON.parse(readFileSync(join(folder, 'meta', '_journal.json'), 'utf8')) as {
    entries: readonly { when: number; tag: string }[];
  };
  return entries.find(({ when }) => when === folderMillis)?.tag ?? String(folderMillis);
}

async function apply(run: (sql: string) => Promise<unknown>, migration: MigrationMeta): Promise<void> {
  const record = `insert into vagus.migrations (made, hash) values (${migration.folderMillis}, '${migration.hash}')`;
  try {
    await run(`begin; ${migration.sql.join(';')}; ${record}; commit`);
  } catch (error) {
    await run('rollback').catch(() => {});
    throw error;
  }
}
