import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MemoryLogStore } from '../../src/store/memory/memory-log-store.ts';
import { openStore } from '../../src/store/open.ts';
import { logStoreContract } from '../contract/log-store.contract.ts';
import { createDatabase } from '../support/database.ts';

const options = { connections: 12, statementTimeoutMs: 2_500, onIdleError: () => {}, onEnd: () => {} };

logStoreContract('memory', async () => ({
  store: new MemoryLogStore({ log: randomUUID(), wall: () => Date.now() }),
  close: async () => {},
}));

logStoreContract('PGlite', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'vagus-pglite-'));
  const store = await openStore({ ...options, databaseUrl: undefined, dataDir });
  return {
    store,
    close: async () => {
      await store.close();
      rmSync(dataDir, { recursive: true });
    },
  };
});

logStoreContract('PostgreSQL', async () => {
  const database = await createDatabase();
  const store = await openStore({ ...options, databaseUrl: database.url, dataDir: '' });
  return {
    store,
    close: async () => {
      await store.close();
      await database.drop();
    },
  };
});
