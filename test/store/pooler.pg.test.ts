import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import pg from 'pg';
import { openStore, type OpenStore } from '../../src/store/open.ts';
import {
  append,
  appendsTo,
  ask,
  claim,
  entry,
  get,
  newRoom,
  readAll,
} from '../contract/log-store.contract.ts';
import { logStoreContract } from '../contract/log-store.contract.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { sessionsOf, settingsOf, startBouncer, type Bouncer } from '../support/pgbouncer.ts';

// A pooler between node and server that lends its connections for one transaction at a time (D22).

const options = {
  dataDir: '',
  connections: 12,
  statementTimeoutMs: 400,
  onIdleError: () => {},
  onEnd: () => {},
  fsyncOff: 'allow',
} as const;

let database: TestDatabase;
let bouncer: Bouncer;
beforeAll(async () => {
  database = await createDatabase();
  bouncer = await startBouncer(database.url, { mode: 'transaction', serverConnections: 3 });
});
afterAll(async () => {
  await bouncer.stop();
  await database.drop();
});

logStoreContract('PostgreSQL behind a pooler', async () => {
  const own = await createDatabase();
  const store = await openStore({
    ...options,
    statementTimeoutMs: 2_500,
    databaseUrl: bouncer.through(own.url),
  });
  return {
    store,
    close: async () => {
      await store.close();
      await own.drop();
    },
  };
});

test('[D22] many nodes that start together through a pooler migrate once, and work at the same time', async () => {
  const own = await createDatabase();
  const stores = await Promise.all(
    Array.from({ length: 4 }, () => openStore({ ...options, databaseUrl: bouncer.through(own.url) })),
  );
  const all = stores.map(async (store, at) => {
    const channel = `room:${newRoom()}` as const;
    const { epoch } = await claim(store, channel, `node-${at}`);
    const ids = Array.from({ length: 30 }, (_, n) => `m${n}`);
    await Promise.all(
      ids.map((id) => append(store, channel, `node-${at}`, epoch, [entry(id)]).catch(() => undefined)),
    );
    return (await readAll(store, channel)).length;
  });
  for (const stored of await Promise.all(all)) expect(stored).toBeGreaterThan(0);
  await Promise.all(stores.map((store) => store.close()));
  await own.drop();
});

describe('settings', () => {
  let store: OpenStore;
  let application: pg.Client;
  beforeEach(async () => {
    application = new pg.Client({ connectionString: bouncer.through(database.url) });
    await application.connect();
    store = await openStore({ ...options, databaseUrl: bouncer.through(database.url) });
  });
  afterEach(async () => {
    await store.close();
    await application.end();
  });

  test('[D22] nothing stays on the connections of the pooler', async () => {
    const before = await settingsOf(application);
    const channel = `room:${newRoom()}` as const;
    const { epoch } = await claim(store, channel, 'a');
    await append(store, channel, 'a', epoch, [entry('1')]);
    // More statements at once than the pooler has connections, so that they use all of them.
    await Promise.all(Array.from({ length: 50 }, () => readAll(store, channel)));
    for (const { settings, prepared } of await sessionsOf(bouncer, database.url, 20)) {
      expect(settings).toEqual(before);
      expect(prepared).toEqual([]);
    }
    expect(await database.query(`select 1 from pg_locks where locktype = 'advisory' and granted`)).toEqual(
      [],
    );
  });

  test('[D8] the server ends a statement before its caller gives up', async () => {
    const channel = `room:${newRoom()}` as const;
    const { epoch } = await claim(store, channel, 'a');
    await application.query('begin; lock table vagus.messages in access exclusive mode');
    const pending = ask(store, 'append', {
      owner: 'a',
      appends: appendsTo(channel, epoch, [entry('late')]),
    });
    expect(await pending).toMatchObject({
      ok: false,
      failure: 'failed',
      message: expect.stringContaining('statement timeout') as string,
    });
    await application.query('rollback');
    expect(await append(store, channel, 'a', epoch, [entry('late')])).toMatchObject([
      { type: 'stored', seq: 1 },
    ]);
  });
});

describe('whether there is a pooler', () => {
  const prepared = async (url: string, pooler: 'auto' | 'on' | 'off'): Promise<boolean> => {
    const own = await createDatabase();
    const at = Object.assign(new URL(url), { pathname: new URL(own.url).pathname }).href;
    const store = await openStore({ ...options, connections: 3, pooler, databaseUrl: at });
    // Only in the same session is a name prepared already.
    await own.query(`
      create table public.heard (name text);
      create function hear() returns trigger language plpgsql as $$
      begin insert into public.heard select name from pg_prepared_statements; return new; end $$;
      create trigger hear before insert on vagus.messages for each row execute function hear()`);
    const channel = `room:${newRoom()}` as const;
    const { epoch } = await claim(store, channel, 'a');
    await append(store, channel, 'a', epoch, [entry('1')]);
    const names = await own.query('select distinct name from public.heard');
    await store.close();
    await own.drop();
    return names.some(({ name }) => name === 'vagus_append');
  };

  test('[D22] the node finds out by itself', async () => {
    expect(await prepared(database.url, 'auto')).toBe(true);
    expect(await prepared(bouncer.through(database.url), 'auto')).toBe(false);
  });

  test('[D22] or the option says so', async () => {
    expect(await prepared(database.url, 'on')).toBe(false);
    const sessions = await startBouncer(database.url, { mode: 'session', serverConnections: 20 });
    expect(await prepared(sessions.through(database.url), 'auto')).toBe(false);
    expect(await prepared(sessions.through(database.url), 'off')).toBe(true);
    await sessions.stop();
  });
});

test('[D22] the server gives up a session of ours when the node’s machine is gone', async () => {
  const own = await createDatabase();
  const store = await openStore({ ...options, databaseUrl: own.url });
  await get(store, 'ping', {});
  // A function that a statement of the store calls sees it from within.
  await own.query(`
    create table public.heard (name text, setting text);
    create function hear() returns trigger language plpgsql as $$
    begin insert into public.heard select name, setting from pg_settings; return new; end $$;
    create trigger hear before insert on vagus.messages for each row execute function hear()`);
  const { epoch } = await claim(store, 'room:r', 'a');
  await append(store, 'room:r', 'a', epoch, [entry('1')]);
  const heard = await own.query(`select name, setting from public.heard where name = any($1)`, [
    ['statement_timeout', 'enable_seqscan', 'tcp_keepalives_idle', 'tcp_user_timeout'],
  ]);
  expect(Object.fromEntries(heard.map(({ name, setting }) => [name, setting]))).toEqual({
    statement_timeout: '400',
    enable_seqscan: 'off',
    tcp_keepalives_idle: '2',
    tcp_user_timeout: '5000',
  });
  await store.close();
  await own.drop();
});
