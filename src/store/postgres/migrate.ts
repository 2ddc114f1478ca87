import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readMigrationFiles, type MigrationMeta } from 'drizzle-orm/migrator';
import type { SqlClient } from './sql-client.ts';

/** The database was migrated by a newer version, which this one does not understand. */
class SchemaTooNew extends Error {}

const folder = fileURLToPath(new URL('../../../drizzle', import.meta.url));

/** Any number that nobody else uses: the first bytes of "vagus". */
const LOCK = 0x76_61_67_75;

/**
 * Brings the database to the schema of this version, once however many nodes start together: an advisory lock
 * lets one of them work and the others see that it is done. Refuses a newer schema (D19). Returns the names of what it
 * applied, in order.
 */
export async function migrate(client: SqlClient): Promise<readonly string[]> {
  const known = readMigrationFiles({ migrationsFolder: folder });
  return client.session(async (run) => {
    await run(`select pg_advisory_lock(${LOCK})`);
    await run('create schema if not exists vagus');
    await run(
      'create table if not exists vagus.migrations (made bigint primary key, hash text not null, at timestamptz not null default now())',
    );
    const applied = new Set((await run('select made from vagus.migrations')).map(([made]) => Number(made)));
    const strange = [...applied].filter(
      (made) => !known.some((migration) => migration.folderMillis === made),
    );
    if (strange.length > 0) {
      throw new SchemaTooNew(
        'the database was migrated by a newer version of vagus: run that version, or use another database',
      );
    }
    const missing = known.filter((migration) => !applied.has(migration.folderMillis));
    for (const migration of missing) await apply(run, migration);
    await run(`select pg_advisory_unlock(${LOCK})`);
    return missing.map(nameOf);
  });
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
