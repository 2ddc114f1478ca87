import type { Reading } from './config/read.ts';

/** Brings the database to this version's schema, and says what was done. */
export async function migrateCommand({ found }: Reading): Promise<void> {
  // What this needs of drivers is loaded for it only.
  const { migrateStore } = await import('./store/open.ts');
  const applied = await migrateStore({
    databaseUrl: found.databaseUrl.value,
    dataDir: found.dataDir.value ?? '.',
  });
  for (const name of applied) process.stdout.write(`applied ${name}\n`);
  if (applied.length === 0) process.stdout.write('the schema is up to date\n');
}
