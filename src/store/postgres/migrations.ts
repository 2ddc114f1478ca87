import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readMigrationFiles } from 'drizzle-orm/migrator';

/** A step of the schema, as it was frozen in `drizzle/`. */
export interface Migration {
  /** When it was made (ms): what it is known by. Later ones come later. */
  readonly made: number;
  /** The name of its file, such as `0001_lists`. */
  readonly name: string;
  readonly hash: string;
  readonly sql: string;
}

/** A step that a database has had. */
export interface AppliedMigration {
  readonly made: number;
  readonly name: string;
  /** The oldest code that may run on it knows the migration made then. */
  readonly suitsFrom: number;
}

/**
 * The oldest code that may run on the schema of this one, by the newest migration which that code knows. A migration
 * that takes away what that code needs raises it, in the version after the last one that needs it (D19).
 */
const SUITS_FROM = '0001_lists';

const folder = fileURLToPath(new URL('../../../drizzle', import.meta.url));

/** All that this code knows, in order. */
export function readMigrations(): readonly Migration[] {
  // The journal has the names; drizzle-orm reads only the time that goes with each.
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

/** {@link SUITS_FROM} by its time. */
export function suitsFrom(known: readonly Migration[]): number {
  const oldest = known.find(({ name }) => name === SUITS_FROM);
  if (!oldest) throw new Error(`there is no migration ${SUITS_FROM}`);
  return oldest.made;
}
