import { closeSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import fsx from 'fs-native-extensions';

export interface FolderLock {
  release(): void;
}

/** Raised when another process uses a folder: two on one folder would destroy each other's rows. */
class FolderInUse extends Error {}

/**
 * Makes a folder this process's own. The lock is the kernel's: it goes with the process, however that ends,
 * and it holds between containers that share a volume. The file's text only says who holds it.
 */
export function lockFolder(folder: string): FolderLock {
  const file = join(folder, 'lock');
  const descriptor = openSync(file, 'a+', 0o600);
  if (!fsx.tryLock(descriptor)) {
    const holder = readFileSync(file, 'utf8').trim();
    closeSync(descriptor);
    throw new FolderInUse(`${folder} is in use by ${holder || 'another process'}`);
  }
  ftruncateSync(descriptor);
  writeSync(descriptor, `process ${process.pid}, started ${new Date().toISOString()}\n`);
  return { release: () => closeSync(descriptor) };
}
