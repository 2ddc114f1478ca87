import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Channel } from '../../src/protocol/channels.ts';
import { openStore, type OpenStore } from '../../src/store/open.ts';
import { append, claim, entry, get, readAll } from '../contract/log-store.contract.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';

// Retention on a server with many sessions.

const options = {
  connections: 12,
  statementTimeoutMs: 2_500,
  onIdleError: () => {},
  onEnd: () => {},
  fsyncOff: 'allow',
} as const;
let database: TestDatabase;
let store: OpenStore;

beforeAll(async () => {
  database = await createDatabase();
  store = await openStore({ ...options, databaseUrl: database.url, dataDir: '' });
});
afterAll(async () => {
  await store.close();
  await database.drop();
});

test.each([1, 3])(
  '[LM10] a step skips a whole log of which another transaction has locked entry %i, and does not wait',
  async (seq) => {
    const all = ['one', 'two', 'three'].map((room, at): Channel => `room:${seq}-${at}-${room}`);
    for (const channel of all) {
      const { epoch } = await claim(store, channel, 'a');
      await append(
        store,
        channel,
        'a',
        epoch,
        ['1', '2', '3', '4'].map((id) => entry(id)),
      );
    }
    const left = async () =>
      (await Promise.all(all.map((of) => readAll(store, of)))).map((log) => log.length);
    const prune = (after: string, entries: number) =>
      get(store, 'prune', { kind: 'room', keepMs: 0, after, channels: 512, entries });

    const other = new pg.Client({ connectionString: database.url });
    await other.connect();
    await other.query('begin');
    await other.query('select from vagus.messages where channel = $1 and seq = $2 for update', [all[1], seq]);
    // The step reaches its limit in a locked log. If it came back to that, it would come back for ever.
    expect(await prune(all[0] as string, 4)).toEqual({ removed: 0, next: all[1] });
    expect(await prune(`room:${seq}-`, 5_000)).toEqual({ removed: 8, next: null });
    expect(await left()).toEqual([0, 4, 0]);
    await other.query('rollback');
    await other.end();

    expect(await prune(`room:${seq}-`, 5_000)).toEqual({ removed: 4, next: null });
    expect(await left()).toEqual([0, 0, 0]);
  },
);
