import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { MemoryLogStore } from '../../src/store/memory/memory-log-store.ts';
import { migrate } from '../../src/store/postgres/migrate.ts';
import { PgliteClient } from '../../src/store/postgres/pglite-client.ts';
import { PostgresLogStore } from '../../src/store/postgres/postgres-log-store.ts';
import { ageing, postgresStore, storeContracts, type StoreOfTime } from '../support/store-contracts.ts';

async function memory(): Promise<StoreOfTime> {
  let earlierMs = 0;
  let passedMs = 0;
  const store = new MemoryLogStore({ log: randomUUID(), wall: () => Date.now() + passedMs - earlierMs });
  return {
    store,
    earlier: async (ms, _, run) => {
      earlierMs = ms;
      return run().finally(() => (earlierMs = 0));
    },
    pass: async (ms) => void (passedMs += ms),
    close: async () => {},
  };
}

const folder = mkdtempSync(join(tmpdir(), 'vagus-pglite-'));
let embedded: PgliteClient | undefined;
afterAll(async () => {
  await embedded?.close();
  rmSync(folder, { recursive: true });
});

/** Starting it takes seconds: the contracts, one after the other, have the same one, and each an empty schema. */
async function pglite(): Promise<StoreOfTime> {
  embedded ??= await PgliteClient.open({ folder, onEnd: () => {} });
  const client = embedded;
  await client.session((run) => run('drop schema if exists vagus cascade'));
  await migrate(client);
  const store = await PostgresLogStore.open(client);
  return ageing({ store, close: async () => {} }, (sql) => client.session((run) => run(sql)));
}

for (const [name, open] of Object.entries({ memory, PGlite: pglite, PostgreSQL: () => postgresStore() }))
  storeContracts(name, open);
