import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError } from '../config/index.ts';

const fileIn = (dataDir: string): string => join(dataDir, 'secret');

/** The secret of a development folder. The first start makes it, and only its owner can read it. */
export function developmentSecret(dataDir: string): string {
  const file = fileIn(dataDir);
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    if (!existsSync(file))
      writeFileSync(file, `${randomBytes(48).toString('base64url')}\n`, { mode: 0o600, flag: 'wx' });
    chmodSync(file, 0o600);
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    const { message } = error as Error;
    throw new ConfigError(`${dataDir}, the folder of VAGUS_DATA_DIR (dataDir), cannot be used: ${message}`);
  }
}

/** The secret that `vagus dev` made in a folder; undefined if it never ran there. */
export function findDevelopmentSecret(dataDir: string): string | undefined {
  const file = fileIn(dataDir);
  return existsSync(file) ? readFileSync(file, 'utf8').trim() : undefined;
}
