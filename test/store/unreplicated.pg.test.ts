import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Channel } from '../../src/protocol/channels.ts';
import type { LogStore, StoreCalls, StoreReply } from '../../src/runtime/ports/log-store.ts';
import { openStore, type OpenStore, type StoreOptions } from '../../src/store/open.ts';
import { PgClient } from '../../src/store/postgres/pg-client.ts';
import { appendsTo, ask, claim, entry, get, newRoom, readAll } from '../contract/log-store.contract.ts';
import { startBouncer, type Bouncer } from '../support/pgbouncer.ts';
import { startPostgres, type PostgresServer } from '../support/postgres-server.ts';

// PostgreSQL ends a commit's wait for a synchronous standby when someone cancels the statement or ends the session. The
// commit stays, at this server alone: PostgreSQL answers with success and a warning. Here no such standby ever comes.

const options: Omit<StoreOptions, 'databaseUrl'> = {
  dataDir: '',
  connections: 6,
  statementTimeoutMs: 4_000,
  onIdleError: () => {},
  onEnd: () => {},
  fsyncOff: 'allow',
};

let server: PostgresServer;
let bouncer: Bouncer;
let admin: pg.Client;
beforeAll(async () => {
  server = await startPostgres();
  bouncer = await startBouncer(server.url, { mode: 'transaction', serverConnections: 8 });
  admin = new pg.Client({ connectionString: server.url });
  await admin.connect();
  await admin.query('set synchronous_commit = local');
  await admin.query('create table public.probe (n int)');
}, 60_000);
afterAll(async () => {
  await admin.end();
  await bouncer.stop();
  await server.stop();
});

/** From now on every commit waits for a standby that there is not, or none does. */
async function waitForNobody(isOn: boolean): Promise<void> {
  await admin.query(`alter system set synchronous_standby_names = '${isOn ? 'nobody' : ''}'`);
  await admin.query('select pg_reload_conf()');
  await expect.poll(waits, { timeout: 10_000 }).toBe(isOn);
}

/** Whether a commit waits now. The server's processes read their settings one after the other. */
async function waits(): Promise<boolean> {
  const client = new pg.Client({ connectionString: server.url });
  await client.connect();
  const state = { isDone: false };
  const written = client.query('insert into public.probe values (1)').then(() => (state.isDone = true));
  let pids: number[] = [];
  while (!state.isDone && pids.length === 0) pids = await waiting();
  for (const pid of pids) await admin.query(`select pg_cancel_backend(${pid})`);
  await written;
  await client.end();
  return pids.length > 0;
}

const waiting = async (): Promise<number[]> => {
  const { rows } = await admin.query<{ pid: number }>(
    `select pid from pg_stat_activity where wait_event = 'SyncRep'`,
  );
  return rows.map(({ pid }) => pid);
};

/** Ends the wait of the statement that waits. */
async function finish(how: 'pg_cancel_backend' | 'pg_terminate_backend'): Promise<void> {
  await expect.poll(waiting, { timeout: 10_000 }).toHaveLength(1);
  for (const pid of await waiting()) await admin.query(`select ${how}(${pid})`);
}

type Name = keyof StoreCalls;

/** Every write whose success the node believes. Each changes something, since PostgreSQL waits for no other commit. */
const WRITES: { readonly [Case in string]: (room: string) => readonly [Name, unknown] } = {
  append: (room) => [
    'append',
    { owner: 'a', appends: appendsTo(`room:${room}`, 1, [entry('x'), entry('y')]) },
  ],
  'claim, of a new channel': () => [
    'claim',
    { owner: 'a', claims: [{ channel: `room:${newRoom()}`, mode: 'create', epoch: 0 }] },
  ],
  'claim, after a doubt': (room) => [
    'claim',
    { owner: 'a', claims: [{ channel: `room:${room}`, mode: 'settle', epoch: 1 }] },
  ],
  createRoom: () => [
    'createRoom',
    { room: newRoom(), access: 'private', metadata: '{}', creator: 'ann', members: [] },
  ],
  deleteRoom: (room) => ['deleteRoom', { room, owner: 'a', epoch: 1 }],
  discard: (room) => ['discard', { channel: `room:${room}`, upTo: 1 }],
  prune: () => ['prune', { kind: 'room', keepMs: 0, after: null, channels: 1_000, entries: 1_000 }],
  'setMember, added': (room) => ['setMember', { room, user: 'new', isMember: true }],
  'setMember, removed': (room) => ['setMember', { room, user: 'bob', isMember: false }],
  acceptInvitation: (room) => ['acceptInvitation', { room, user: 'bob' }],
  ban: (room) => ['ban', { room, user: 'eve', until: null, createsRoom: false }],
  unban: (room) => ['unban', { room, user: 'mallory' }],
  revoke: () => ['revoke', { user: 'ann', session: null, before: null, keepMs: null }],
  holdRevocations: () => ['holdRevocations', { user: 'zoe', session: null }],
  unrevoke: () => ['unrevoke', { user: 'zoe', session: null }],
  renew: () => ['renew', { incarnation: 'n1.a', node: 'n1', mode: 'renew' }],
  endLeases: () => ['endLeases', { leases: [{ incarnation: 'n1.a', beats: null }] }],
};

const ways = {
  'of a session of ours': () => server.url,
  'behind a pooler': () => bouncer.through(server.url),
};

describe.each(Object.entries(ways))(
  '[DG1] [DG4] a commit whose wait for a standby was cancelled, %s',
  (_, url) => {
    let store: OpenStore;
    let room: string;
    beforeEach(async () => {
      store = await openStore({ ...options, databaseUrl: url() });
      room = newRoom();
      const channel: Channel = `room:${room}`;
      await get(store, 'createRoom', {
        room,
        access: 'private',
        metadata: '{}',
        creator: 'ann',
        members: ['bob'],
      });
      await claim(store, channel, 'a');
      await get(store, 'append', { owner: 'a', appends: appendsTo(channel, 1, [entry('before')]) });
      await get(store, 'ban', { room, user: 'mallory', until: null, createsRoom: false });
      await get(store, 'revoke', { user: 'zoe', session: null, before: null, keepMs: 1_000_000 });
      await get(store, 'renew', { incarnation: 'n1.a', node: 'n1', mode: 'take' });
      await waitForNobody(true);
    });
    afterEach(async () => {
      await waitForNobody(false);
      await store.close();
      await admin.query('truncate vagus.messages, vagus.channels, vagus.revocations, vagus.leases');
    });

    const send = (what: keyof typeof WRITES): Promise<StoreReply> => {
      const [name, request] = WRITES[what]?.(room) ?? [];
      return ask(store as LogStore, name as Name, request as StoreCalls[Name]['request'], 20_000);
    };

    test.each(Object.keys(WRITES))('is unknown: %s', async (what) => {
      const pending = send(what);
      await finish('pg_cancel_backend');
      expect(await pending).toMatchObject({
        ok: false,
        failure: 'unknown',
        message: expect.stringContaining('a synchronous standby') as string,
      });
    });

    test('is unknown when the session is ended, too', async () => {
      const pending = send('append');
      await finish('pg_terminate_backend');
      expect(await pending).toMatchObject({ ok: false, failure: 'unknown' });
    });

    test('does not colour the next statement, and what is settled afterwards is replicated with it', async () => {
      const pending = send('append');
      await finish('pg_cancel_backend');
      expect(await pending).toMatchObject({ failure: 'unknown' });
      await waitForNobody(false);
      const claims = [{ channel: `room:${room}`, mode: 'settle', epoch: 1 }] as const;
      expect((await get(store, 'claim', { owner: 'a', claims })).get(`room:${room}`)).toEqual({
        epoch: 2,
        head: 3,
      });
      expect((await readAll(store, `room:${room}`)).map(({ id }) => id)).toEqual(['before', 'x', 'y']);
    });

    test('is unknown for the repeat of a message, too: it waits until a standby has the first', async () => {
      const pending = send('append');
      await finish('pg_cancel_backend');
      expect(await pending).toMatchObject({ failure: 'unknown' });
      const again = send('append');
      await finish('pg_cancel_backend');
      expect(await again).toMatchObject({ failure: 'unknown' });
    });
  },
);

test('[DG1] a role that hears no warnings hears this one', async () => {
  await admin.query('alter role vagus set client_min_messages = error');
  for (const url of Object.values(ways)) {
    const store = await openStore({ ...options, databaseUrl: url() });
    const { epoch } = await claim(store, 'room:quiet', 'a');
    await waitForNobody(true);
    const appends = appendsTo('room:quiet', epoch, [entry('1')]);
    const pending = ask(store, 'append', { owner: 'a', appends }, 20_000);
    await finish('pg_cancel_backend');
    expect(await pending).toMatchObject({ ok: false, failure: 'unknown' });
    await waitForNobody(false);
    await store.close();
  }
  await admin.query('alter role vagus reset client_min_messages');
}, 60_000);

test('[DG1] a migration that only this server has stops the start', async () => {
  const client = new PgClient({ ...options, url: server.url, connections: 1 });
  await waitForNobody(true);
  const pending = client.session((run) => run('create table public.made (n int)'));
  const refused = expect(pending).rejects.toMatchObject({ failure: 'unknown' });
  await finish('pg_cancel_backend');
  await refused;
  await waitForNobody(false);
  await client.close();
});

/** PostgreSQL 15 and 18: neither timeout ends the wait. The node's own deadline does, and leaves the outcome unknown. */
test('[DG1] no timeout of the server ends the wait', async () => {
  const store = await openStore({ ...options, statementTimeoutMs: 300, databaseUrl: server.url });
  const { epoch } = await claim(store, 'room:slow', 'a');
  await waitForNobody(true);
  const appends = appendsTo('room:slow', epoch, [entry('1')]);
  const from = performance.now();
  expect(await ask(store, 'append', { owner: 'a', appends }, 1_500)).toMatchObject({
    failure: 'unknown',
    message: expect.stringContaining('no answer within') as string,
  });
  expect(performance.now() - from).toBeGreaterThan(1_400);
  await finish('pg_cancel_backend');
  await waitForNobody(false);
  await store.close();
});
