import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { MemoryLogStore } from '../../src/store/memory/memory-log-store.ts';
import { openStore } from '../../src/store/open.ts';
import { migrate } from '../../src/store/postgres/migrate.ts';
import { PgliteClient } from '../../src/store/postgres/pglite-client.ts';
import { PostgresLogStore } from '../../src/store/postgres/postgres-log-store.ts';
import { logStoreFencesContract } from '../contract/log-store-fences.contract.ts';
import { logStoreKeepingContract, type AgeingStore } from '../contract/log-store-keeping.contract.ts';
import { logStoreLeasesContract } from '../contract/log-store-leases.contract.ts';
import { logStoreViewContract } from '../contract/log-store-view.contract.ts';
import { logStoreContract, type StoreUnderTest } from '../contract/log-store.contract.ts';
import { removalsContract, type PassingStore } from '../contract/removals.contract.ts';
import { revocationsContract } from '../contract/revocations.contract.ts';
import { createDatabase } from '../support/database.ts';

const options = {
  connections: 12,
  statementTimeoutMs: 2_500,
  onIdleError: () => {},
  onEnd: () => {},
  fsyncOff: 'allow',
} as const;

/** Stores entries, and then makes them older by a statement of its own. */
function ageing(under: StoreUnderTest, query: (sql: string) => Promise<unknown>): AgeingStore & PassingStore {
  return {
    ...under,
    pass: async (ms) =>
      void (await query(`update vagus.removals set at = at - interval '${ms} milliseconds'`)),
    earlier: async (ms, channel, run) => {
      const outcomes = await run();
      const seqs = outcomes.flatMap((outcome) => ('seq' in outcome ? [outcome.seq] : []));
      await query(
        `update vagus.messages set stored_at = stored_at - interval '${ms} milliseconds'
        where channel = '${channel}' and seq in (${seqs.join()})`,
      );
      return outcomes;
    },
  };
}

async function memory(): Promise<AgeingStore & PassingStore> {
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
async function pglite(): Promise<AgeingStore & PassingStore> {
  embedded ??= await PgliteClient.open({ folder, onEnd: () => {} });
  const client = embedded;
  await client.session((run) => run('drop schema if exists vagus cascade'));
  await migrate(client);
  const store = await PostgresLogStore.open(client);
  return ageing({ store, close: async () => {} }, (sql) => client.session((run) => run(sql)));
}

async function postgres(): Promise<AgeingStore & PassingStore> {
  const database = await createDatabase();
  const store = await openStore({ ...options, databaseUrl: database.url, dataDir: '' });
  const close = async (): Promise<void> => {
    await store.close();
    await database.drop();
  };
  return ageing({ store, close }, (sql) => database.query(sql));
}

for (const [name, open] of Object.entries({ memory, PGlite: pglite, PostgreSQL: postgres })) {
  logStoreContract(name, open);
  logStoreKeepingContract(name, open);
  logStoreLeasesContract(name, open);
  logStoreViewContract(name, open);
  logStoreFencesContract(name, open);
  revocationsContract(name, open);
  removalsContract(name, open);
}
