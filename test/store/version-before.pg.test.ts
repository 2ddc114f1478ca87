import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openStore, type OpenStore } from '../../src/store/open.ts';
import { append, claim, entry, get, readAll } from '../contract/log-store.contract.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';

// A node of the previous version starts and works beside this one (D19). The test sends the statements of that version on
// the schema of this one. The fixture has them, with the names of their parameters in order.

const texts = JSON.parse(
  readFileSync(fileURLToPath(new URL('../fixtures/version-before/statements.json', import.meta.url)), 'utf8'),
) as Record<string, { readonly params: readonly string[]; readonly text: string }>;

/** The migrations that it knows. It refuses a database with others in the table that it reads. */
const MADE = [1795409621605, 1795573451586];

let database: TestDatabase;
let now: OpenStore;
let before: pg.Client;
const asked = new Set<string>();

beforeAll(async () => {
  database = await createDatabase();
  now = await openStore({
    databaseUrl: database.url,
    dataDir: '',
    connections: 4,
    statementTimeoutMs: 4_000,
    onIdleError: () => {},
    onEnd: () => {},
    fsyncOff: 'allow',
  });
  before = new pg.Client({
    connectionString: database.url,
    types: {
      getTypeParser: (oid) => (oid === pg.types.builtins.INT8 ? Number : pg.types.getTypeParser(oid)),
    },
  });
  await before.connect();
  await before.query('set statement_timeout = 4000; set enable_seqscan = off; set jit = off');
});
afterAll(async () => {
  await before.end();
  await now.close();
  await database.drop();
});

/** A statement as the previous version sends it. */
async function old(name: string, values: Record<string, unknown> = {}): Promise<unknown[][]> {
  const { text, params } = texts[name] as { text: string; params: string[] };
  const missing = params.filter((param) => !(param in values));
  if (missing.length > 0) throw new Error(`${name} lacks ${missing.join()}`);
  asked.add(name);
  const query = {
    name: `vagus_${name}`,
    text,
    values: params.map((param) => values[param]),
    rowMode: 'array',
  };
  return (await before.query(query as pg.QueryArrayConfig)).rows;
}

function oldAppend(channel: string, owner: string, epoch: number, id: string): Promise<unknown[][]> {
  return old('append', {
    owner,
    channels: [channel],
    of: [channel],
    epochs: [epoch],
    founds: [true],
    senders: ['bob'],
    ids: [id],
    contents: ['old'],
    datas: ['{"a":1}'],
    sentAts: [1_700_000_000_000],
  });
}

const page = { reader: null, asAdmin: false, limit: 10, bytesMax: 100_000 };

test('[D19] the table that the previous version reads has only migrations that it knows', async () => {
  const rows = await database.query('select made from vagus.migrations order by made');
  expect(rows.map(({ made }) => Number(made))).toEqual(MADE);
});

test('[D19] both write one room in turn, and fence each other', async () => {
  const channel = 'room:shared';
  expect(await old('claim_or_create', { owner: 'old', channels: [channel] })).toEqual([[channel, 1, 0]]);
  expect((await oldAppend(channel, 'old', 1, 'm1'))[0]).toMatchObject([1, expect.any(Number), false, 'own']);

  const { epoch } = await claim(now, channel, 'new');
  expect(epoch).toBe(2);
  expect((await oldAppend(channel, 'old', 1, 'm2'))[0]?.[3]).toBe('fenced');
  expect(await append(now, channel, 'new', 2, [entry('m3'), entry('m1', { sender: 'bob' })])).toMatchObject([
    { type: 'stored', seq: 2 },
    { type: 'duplicate', seq: 1 },
  ]);

  expect(await old('claim', { owner: 'old', channels: [channel], epochs: [0] })).toEqual([[channel, 3, 2]]);
  expect(await append(now, channel, 'new', 2, [entry('m4')])).toEqual([{ type: 'fenced' }]);
  expect((await oldAppend(channel, 'old', 3, 'm3'))[0]).toMatchObject([3, expect.any(Number), false, 'own']);
  expect((await oldAppend(channel, 'old', 3, 'm1'))[0]).toMatchObject([1, expect.any(Number), true, 'own']);

  const read = (await readAll(now, channel)).map(({ seq, sender, id }) => [seq, sender, id]);
  expect(read).toEqual([
    [1, 'bob', 'm1'],
    [2, 'alice', 'm3'],
    [3, 'bob', 'm3'],
  ]);
  const after = await old('page_after', { ...page, channel, after: 0, upTo: 1_000 });
  expect(after.map(([grant, seq, sender, id]) => [grant, seq, sender, id])).toEqual(
    read.map((row) => ['granted', ...row]),
  );
  const backwards = await old('page_before', { ...page, channel, before: 1_000 });
  expect(backwards.map(([, seq]) => seq)).toEqual([3, 2, 1]);
  expect(await old('heads', { channels: [channel] })).toEqual([[channel, 3]]);
  expect(await old('lookup', { channel, senders: ['bob', 'x'], ids: ['m3', 'y'] })).toMatchObject([
    [3, expect.any(Number)],
    [null, null],
  ]);
});

test('[D19] each sees the records, members and lists of the other', async () => {
  const room = {
    room: 'closed',
    access: 'private',
    metadata: '{"n":1}',
    creator: 'alice',
    members: ['alice'],
  };
  expect(await old('create_room', room)).toEqual([['closed']]);
  expect((await get(now, 'rooms', { rooms: ['closed'] })).records.get('closed')).toMatchObject({
    access: 'private',
    metadata: '{"n":1}',
    creator: 'alice',
    isDeleted: false,
  });
  await old('add_member', { room: 'closed', user: 'carol' });
  await get(now, 'setMember', { room: 'closed', user: 'dave', isMember: true });
  await old('remove_member', { room: 'closed', user: 'alice' });
  const users = ['alice', 'carol', 'dave'];
  const pairs = users.map((user) => ({ room: 'closed', user }));
  expect(await get(now, 'membership', { pairs })).toEqual([false, true, true]);
  expect(await old('membership', { rooms: users.map(() => 'closed'), users })).toEqual([
    [false],
    [true],
    [true],
  ]);

  await get(now, 'createRoom', {
    room: 'open',
    access: 'public',
    metadata: '{}',
    creator: 'bob',
    members: [],
  });
  expect(await old('rooms', { rooms: ['open'] })).toEqual([['open', 'public', '{}', 'bob', false]]);
  const listed = await old('list_rooms', { user: 'dave', asAdmin: false, after: '', limit: 10 });
  expect(listed.map(([name]) => name)).toEqual(['closed', 'open', 'shared']);

  expect(await old('delete_room', { room: 'shared', owner: 'old', epoch: 3 })).toEqual([[4, 3]]);
  expect((await get(now, 'rooms', { rooms: ['shared'] })).records.get('shared')).toMatchObject({
    isDeleted: true,
  });
  expect(await old('empty_room', { room: 'shared' })).toEqual([[1]]);
  expect(await readAll(now, 'room:shared')).toEqual([]);
});

test('[D19] revocations, retention and the rest', async () => {
  const until = Date.now() + 60_000;
  await old('revoke', { user: 'alice', session: null, issuedBy: 1_000, until });
  expect(
    await old('revoked', { users: ['alice', 'bob'], sessions: [null, null], issuedAts: [1_000, 1_000] }),
  ).toEqual([[true], [false]]);

  const { epoch } = await claim(now, 'user:old', 'new');
  await append(now, 'user:old', 'new', epoch, [entry('1'), entry('2')]);
  expect(
    await old('prune', { after: 'user:', end: 'user;', keepMs: -1, channels: 10, entries: 100 }),
  ).toMatchObject([[2, null]]);
  expect(await old('log')).toEqual([[now.log.split('.')[0]]]);
  expect(await old('ping')).toEqual([[1]]);
  expect(new Set(Object.keys(texts))).toEqual(asked);
});
