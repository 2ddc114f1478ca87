import { chmodSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** The rights of the group and of all other users of the machine. */
const OTHERS = 0o077;

/**
 * Takes all rights to a folder and its content from every user but the owner: members may read messages, other accounts of
 * the machine may not. The content of a folder that only its owner may enter stays as it is, since no other user can reach
 * it. Files of another owner, and files on a system without such rights, stay as they are too.
 */
export function keepToOwner(folder: string): void {
  try {
    if ((statSync(folder).mode & OTHERS) === 0) return;
    // The folder comes first, so that no other user enters it meanwhile.
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
