import { chmodSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** What others on the machine may do. */
const OTHERS = 0o077;

/**
 * Takes from everyone but its owner what they may do with a folder and all in it: messages are read by members, not by
 * whoever has an account on the machine. A folder that is its owner's alone is not walked: nobody gets past it. What
 * belongs to somebody else, or to a system that knows no such rights, stays as it is.
 */
export function keepToOwner(folder: string): void {
  try {
    if ((statSync(folder).mode & OTHERS) === 0) return;
    // First of all: nobody comes in while the rest is walked.
    closeTo(folder);
    for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true }))
      if (entry.isFile() || entry.isDirectory()) closeTo(join(entry.parentPath, entry.name));
  } catch (error) {
    if (!isForbidden(error)) throw error;
  }
}

function closeTo(path: string): void {
  chmodSync(path, statSync(path).mode & 0o777 & ~OTHERS);
}

function isForbidden(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'EPERM' || code === 'EACCES' || code === 'ENOSYS';
}
