import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Channel } from '../../src/protocol/channels.ts';
import type { LogStore, StoreCallName } from '../../src/runtime/ports/log-store.ts';
import { openStore, type OpenStore } from '../../src/store/open.ts';
import { CHANGES, roomState } from '../contract/log-store-fences.contract.ts';
import { append, ask, claim, entry, epochIn, get, newRoom } from '../contract/log-store.contract.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';

// What only a server with several sessions shows of changes of rights: statements that meet at a channel's row (D25).

const options = {
  dataDir: '',
  connections: 8,
  statementTimeoutMs: 4_000,
  fsyncOff: 'allow' as const,
  onIdleError: () => {},
  onEnd: () => {},
};

let database: TestDatabase;
/** Two nodes. */
let one: OpenStore;
let two: OpenStore;
let holder: pg.Client;
beforeAll(async () => {
  database = await createDatabase();
  one = await openStore({ ...options, databaseUrl: database.url });
  two = await openStore({ ...options, databaseUrl: database.url });
  holder = new pg.Client({ connectionString: database.url });
  await holder.connect();
});
afterAll(async () => {
  await holder.end();
  await one.close();
  await two.close();
  await database.drop();
});

/** Waits until so many statements wait for something that another transaction has locked. */
const waiting = (statements: number): Promise<unknown> =>
  expect
    .poll(() =>
      database.query(
        `select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`,
      ),
    )
    .toHaveLength(statements);

const fence = { owner: 'a', epoch: 1 };

describe.each(Object.entries(CHANGES))('%s', (_, { before, make, after }) => {
  const heldRoom = async (change: string): Promise<string> => {
    const room = newRoom();
    await claim(one, `room:${room}`, 'a');
    await before?.(one, room);
    await holder.query('begin');
    await holder.query(`update vagus.channels set ${change} where channel = $1`, [`room:${room}`]);
    return room;
  };

  test.each([
    ['a claim', `epoch = epoch + 1, owner = 'b'`],
    ['a claim by its own home', 'epoch = epoch + 1'],
  ])('[D25] waits for %s that is under way, and is then refused', async (_title, change) => {
    const room = await heldRoom(change);
    const known = await roomState(two, room);
    const late = make(one, room, fence);
    await waiting(1);
    await holder.query('commit');
    expect(await late).toBe(null);
    expect(await roomState(two, room)).toEqual(known);
  });

  test.each([
    ['is undone', `epoch = epoch + 1, owner = 'b'`, 'rollback'],
    ['is an append', 'head = head + 1', 'commit'],
  ])('[D25] waits for a statement that %s, and is then made', async (_title, change, end) => {
    const room = await heldRoom(change);
    const late = make(one, room, fence);
    await waiting(1);
    await holder.query(end);
    expect(await late).not.toBe(null);
    expect(await roomState(two, room)).toMatchObject(after);
  });

  test('[D25] fails by the timeout of statements behind one that does not end', async () => {
    const hasty = await openStore({ ...options, databaseUrl: database.url, statementTimeoutMs: 100 });
    const room = await heldRoom('epoch = epoch + 1');
    await expect(make(hasty, room, fence)).rejects.toThrow('statement timeout');
    await holder.query('rollback');
    await hasty.close();
  });

  test('[D25] does not wait under an epoch that is over, nor without a fence', async () => {
    const room = await heldRoom('head = head');
    expect(await make(one, room, { owner: 'a', epoch: 0 })).toBe(null);
    expect(await make(one, room)).not.toBe(null);
    await holder.query('rollback');
  });
});

test('[D25] a claim waits for a change under its epoch that is under way, and comes after it', async () => {
  const room = newRoom();
  const channel: Channel = `room:${room}`;
  await claim(one, channel, 'a');
  await get(one, 'setMember', { room, user: 'carol', isMember: true });
  // The change has the channel, and waits for the member.
  await holder.query('begin');
  await holder.query('select from vagus.members where room = $1 for update', [room]);
  const removed = get(one, 'setMember', { room, user: 'carol', isMember: false, fence });
  await waiting(1);
  const claimed = claim(two, channel, 'b');
  await waiting(2);
  // An append does not wait.
  expect(await append(one, channel, 'a', 1, [entry('1')])).toEqual([{ type: 'busy' }]);
  await holder.query('commit');
  expect(await removed).toBeGreaterThan(0);
  expect(await claimed).toEqual({ epoch: 2, head: 0 });
  expect(await get(two, 'membership', { pairs: [{ room, user: 'carol' }] })).toEqual([false]);
});

test('[D8] changes, claims, appends and deletions of two processes never deadlock', async () => {
  const rooms = Array.from({ length: 12 }, () => newRoom());
  const replies: Record<string, number> = {};
  const fight = async (store: LogStore, owner: string, order: readonly string[]): Promise<void> => {
    for (let round = 0; round < 25; round++) {
      const some = order.filter((_, n) => (n + round) % 3 > 0);
      const claims = some.map((room) => ({
        channel: `room:${room}` as const,
        mode: 'create' as const,
        epoch: 0,
      }));
      const epochs = await get(store, 'claim', { owner, claims });
      const epochOf = (room: string): number => epochIn(epochs, `room:${room}`);
      const appends = some.map((room) => {
        const channel: Channel = `room:${room}`;
        return { channel, epoch: epochOf(room), createsRoom: true, entry: entry(`${owner}-${round}`) };
      });
      const change = async (room: string, n: number): Promise<void> => {
        const kind = Object.entries(CHANGES)[n % 5];
        const reply = await kind?.[1].make(store, room, { owner, epoch: epochOf(room) });
        const what = reply === null || reply === false ? 'not made' : 'made';
        replies[what] = (replies[what] ?? 0) + 1;
      };
      const sure = async <Name extends StoreCallName>(asked: ReturnType<typeof ask<Name>>): Promise<void> =>
        expect(await asked).toMatchObject({ ok: true });
      await Promise.all([
        sure(ask(store, 'append', { owner, appends })),
        ...some.map((room, n) => change(room, n + round)),
        ...some
          .filter((_, n) => (n + round) % 7 === 0)
          .map((room) => sure(ask(store, 'deleteRoom', { room, owner, epoch: epochOf(room) }))),
      ]);
    }
  };
  await Promise.all([
    fight(one, 'a', rooms),
    fight(one, 'c', rooms.toReversed()),
    fight(two, 'b', rooms.toReversed()),
    fight(two, 'd', rooms),
  ]);
  const [{ deadlocks } = {}] = await database.query(
    'select deadlocks from pg_stat_database where datname = current_database()',
  );
  expect(Number(deadlocks)).toBe(0);
  // Otherwise nothing has met.
  expect(replies['made']).toBeGreaterThan(0);
  expect(replies['not made']).toBeGreaterThan(0);
});
