import { openStore } from '../../src/store/open.ts';
import { logStoreFencesContract } from '../contract/log-store-fences.contract.ts';
import { logStoreKeepingContract, type AgeingStore } from '../contract/log-store-keeping.contract.ts';
import { logStoreLeasesContract } from '../contract/log-store-leases.contract.ts';
import { logStoreViewContract } from '../contract/log-store-view.contract.ts';
import { logStoreContract, type StoreUnderTest } from '../contract/log-store.contract.ts';
import { removalsContract, type PassingStore } from '../contract/removals.contract.ts';
import { revocationsContract } from '../contract/revocations.contract.ts';
import { createDatabase } from './database.ts';

/** A store whose entries and removals a test can make older. */
export type StoreOfTime = AgeingStore & PassingStore;

const options = {
  connections: 12,
  statementTimeoutMs: 2_500,
  onIdleError: () => {},
  onEnd: () => {},
  fsyncOff: 'allow',
} as const;

/** Stores entries, and then makes them older by a statement of its own. */
export function ageing(under: StoreUnderTest, query: (sql: string) => Promise<unknown>): StoreOfTime {
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

/** A store in a new database, on the tests' server unless another is named. */
export async function postgresStore(server?: string): Promise<StoreOfTime> {
  const database = await createDatabase(server);
  const store = await openStore({ ...options, databaseUrl: database.url, dataDir: '' });
  const close = async (): Promise<void> => {
    await store.close();
    await database.drop();
  };
  return ageing({ store, close }, (sql) => database.query(sql));
}

/** All that a store has to do. */
export function storeContracts(name: string, open: () => Promise<StoreOfTime>): void {
  logStoreContract(name, open);
  logStoreKeepingContract(name, open);
  logStoreLeasesContract(name, open);
  logStoreViewContract(name, open);
  logStoreFencesContract(name, open);
  revocationsContract(name, open);
  removalsContract(name, open);
}
