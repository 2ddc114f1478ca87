import type { Reading } from '../../config/read.ts';

/** Migrates the database to this version's schema, and prints what it did. */
export async function migrateCommand({ found }: Reading): Promise<void> {
  // The import loads the drivers only for this command.
  const { migrateStore } = await import('../../store/open.ts');
  const applied = await migrateStore({
    databaseUrl: found.databaseUrl.value,
    dataDir: found.dataDir.value ?? '.',
  });
  for (const name of applied) process.stdout.write(`applied ${name}\n`);
  if (applied.length === 0) process.stdout.write('the schema is up to date\n');
}
