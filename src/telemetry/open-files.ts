import { statSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import type { Gauge } from 'prom-client';

const FOLDER = '/proc/self/fd';

/**
 * How many file descriptors are open, nearly all of them sockets. Linux has told it as the size of the folder since 6.2; before
 * that their names are read. Undefined on other systems.
 */
async function openFiles(): Promise<number | undefined> {
  try {
    return statSync(FOLDER).size || (await readdir(FOLDER)).length;
  } catch {
    return undefined;
  }
}

/** What the gauge of prom-client 15.1.3 says, which reads all names, with Node's thread: 7 ms at 8,000 of them. */
export async function collectOpenFiles(gauge: Gauge): Promise<void> {
  const open = await openFiles();
  if (open !== undefined) gauge.set(open);
}
