import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readMigrationFiles } from 'drizzle-orm/migrator';

/** A step of the schema, as frozen in `drizzle/`. */
export interface Migration {
  /** When it was made (ms). This identifies the migration, and is their order. */
  readonly made: number;
  /** The name of its file, such as `0001_lists`. */
  readonly name: string;
  readonly hash: string;
  readonly sql: string;
}

/** A step that a database has made. */
export interface AppliedMigration {
  readonly made: number;
  readonly name: string;
  /** The oldest code that may run on it knows the migration made then. */
  readonly suitsFrom: number;
}

/**
 * The oldest code that may run on the schema of this code, named by the newest migration that it knows. If a migration
 * removes something, its version raises this: the version before must not need it any more (D19).
 */
const SUITS_FROM = '0001_lists';

const folder = fileURLToPath(new URL('../../../drizzle', import.meta.url));

/** All migrations that this code knows, in order. */
export function readMigrations(): readonly Migration[] {
  // The journal has the names. drizzle-orm reads only the times.
  const { entries } = JSON.parse(readFileSync(join(folder, 'meta', '_journal.json'), 'utf8')) as {
    entries: readonly { when: number; tag: string }[];
  };
  return readMigrationFiles({ migrationsFolder: folder }).map(({ folderMillis, hash, sql }) => ({
    made: folderMillis,
    name: entries.find(({ when }) => when === folderMillis)?.tag ?? String(folderMillis),
    hash,
    sql: sql.join(';'),
  }));
}

/** The time of {@link SUITS_FROM}. */
export function suitsFrom(known: readonly Migration[]): number {
  const oldest = known.find(({ name }) => name === SUITS_FROM);
  if (!oldest) throw new Error(`there is no migration ${SUITS_FROM}`);
  return oldest.made;
}
