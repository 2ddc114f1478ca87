import { closeSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import fsx from 'fs-native-extensions';
import { StoreError } from '../store-error.ts';

export interface FolderLock {
  release(): void;
}

/**
 * Locks a folder for this process: two processes in one folder would destroy each other's rows. The kernel keeps the lock,
 * so it ends with the process, however that ends, and it also works between containers that share a volume. The file's text
 * only names the process that holds the lock.
 */
export function lockFolder(folder: string): FolderLock {
  const file = join(folder, 'lock');
  const descriptor = openSync(file, 'a+', 0o600);
  if (!fsx.tryLock(descriptor)) {
    const holder = readFileSync(file, 'utf8').trim();
    closeSync(descriptor);
    throw new StoreError(
      'data_dir_in_use',
      `${folder} is in use by ${holder || 'another process'}: set VAGUS_DATA_DIR (dataDir) to another folder, ` +
        'or give both a PostgreSQL by DATABASE_URL (databaseUrl)',
    );
  }
  ftruncateSync(descriptor);
  writeSync(descriptor, `process ${process.pid}, started ${new Date().toISOString()}\n`);
  return { release: () => closeSync(descriptor) };
}
