import { statSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import type { Gauge } from 'prom-client';

const FOLDER = '/proc/self/fd';

/**
 * The number of open file descriptors, nearly all of them sockets. Since Linux 6.2 it is the size of the folder; for older
 * kernels this counts the names. Undefined on other systems.
 */
async function openFiles(): Promise<number | undefined> {
  try {
    return statSync(FOLDER).size || (await readdir(FOLDER)).length;
  } catch {
    return undefined;
  }
}

/** Replaces the gauge of prom-client 15.1.3, which reads all names on Node's thread: 7 ms at 8,000 of them. */
export async function collectOpenFiles(gauge: Gauge): Promise<void> {
  const open = await openFiles();
  if (open !== undefined) gauge.set(open);
}
