import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Frame, TestClient } from '../support/client.ts';
import { TestEngine } from '../support/engine.ts';
import { ask } from '../support/http.ts';
import { startPostgres, type PostgresServer } from '../support/postgres-server.ts';

// A private room whose record is lost with a server that had more than its standby (D21). Here its rows are taken out,
// and the node's connections are ended.

/** What a request is answered once the store is there again. */
async function answered(client: TestClient, frame: object): Promise<string> {
  for (;;) {
    const reply = await client.request(frame);
    if (reply['retryable'] !== true) return (reply['code'] ?? reply['type']) as string;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Everything in a room but making it, over a socket and over REST. */
async function uses(node: TestEngine, client: TestClient, user: string, room: string): Promise<unknown[]> {
  const name = `room:${room}`;
  const told: unknown[] = [];
  for (const frame of [
    { type: 'chat', content: 'x' },
    { type: 'history' },
    { type: 'presence' },
    { type: 'join' },
  ])
    told.push(await answered(client, { ...frame, room }));
  const { channels } = await client.request({ type: 'resume', channels: { [name]: 0 } });
  told.push((channels as Frame)[name]);
  const path = `/v1/rooms/${room}/messages`;
  const token = await node.token(user);
  told.push(
    (await ask(node.engine.port, path, { method: 'POST', token, body: { content: 'x' } })).body['code'],
  );
  told.push((await ask(node.engine.port, path, { token })).body['code']);
  return told;
}

const NOWHERE = [
  ...['not_found', 'not_found', 'not_found', 'not_found'],
  { error: 'not_found' },
  ...['not_found', 'not_found'],
];

interface People {
  readonly bob: TestClient;
  readonly ann: TestClient;
  readonly root: TestClient;
  readonly eve: TestClient;
}

/** A private room of bob's, with a message; eve is a stranger. */
async function roomOf(node: TestEngine, room: string): Promise<People> {
  const [bob, ann, eve] = [await node.connect('bob'), await node.connect('ann'), await node.connect('eve')];
  const root = await node.connect('root', { scope: 'vagus:admin' });
  await bob.request({ type: 'create', room, access: 'private', members: ['ann'] });
  for (const client of [bob, ann, root]) expect(await answered(client, { type: 'join', room })).toBe('ack');
  expect(await answered(bob, { type: 'chat', room, content: 'secret' })).toBe('ack');
  expect(await answered(eve, { type: 'join', room })).toBe('forbidden');
  return { bob, ann, root, eve };
}

async function isOver(node: TestEngine, room: string, people: People): Promise<void> {
  for (const client of [people.bob, people.ann, people.root])
    expect(await client.type('notification', 'left')).toMatchObject({ room, data: { reason: 'removed' } });
  for (const [user, client] of Object.entries(people) as [string, TestClient][])
    if (user !== 'root') expect([user, await uses(node, client, user, room)]).toEqual([user, NOWHERE]);
  for (const client of [people.ann, people.eve])
    expect(await answered(client, { type: 'create', room, access: 'public' })).toBe('not_found');
  await expect(node.engine.setMember(room, 'eve', true)).rejects.toMatchObject({ code: 'not_found' });
}

type Query = (sql: string, values: readonly unknown[]) => Promise<unknown>;

async function lose(query: Query, room: string, isChannelLost: boolean): Promise<void> {
  for (const table of ['rooms', 'members']) await query(`delete from vagus.${table} where room = $1`, [room]);
  if (!isChannelLost) return;
  await query('delete from vagus.messages where channel = $1', [`room:${room}`]);
  await query('delete from vagus.channels where channel = $1', [`room:${room}`]);
}

describe.each([true, false])('[JW4] rooms are made automatically: %s', (roomsAutoCreate) => {
  let node: TestEngine;
  beforeAll(async () => {
    node = await TestEngine.start({ roomsAutoCreate });
  });
  afterAll(() => node.stop());

  const endConnections = (): Promise<unknown> =>
    node.database.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name = 'vagus'`,
    );

  test('[JW4] its record is gone: all members are off, no user gets in, and its creator makes it again', async () => {
    const room = 'record';
    const people = await roomOf(node, room);
    await lose((sql, values) => node.database.query(sql, values as string[]), room, false);
    await endConnections();
    // Whoever reads in it finds that out.
    expect(await answered(people.ann, { type: 'history', room })).toBe('not_found');
    await isOver(node, room, people);
    expect(await answered(people.bob, { type: 'create', room, access: 'private', members: ['ann'] })).toBe(
      'ack',
    );
    expect(await answered(people.ann, { type: 'join', room })).toBe('ack');
    expect(await answered(people.eve, { type: 'history', room })).toBe('forbidden');
  });

  test('[JW4] its channel is gone too: so it is for the next generation of its home, and an admin makes it again', async () => {
    const room = 'channel';
    const people = await roomOf(node, room);
    await lose((sql, values) => node.database.query(sql, values as string[]), room, true);
    await endConnections();
    // Where messages go the home finds that it is none any more.
    expect(await answered(people.bob, { type: 'chat', room, content: 'lost' })).toBe('not_found');
    await isOver(node, room, people);
    expect(await node.database.query('select * from vagus.rooms where room = $1', [room])).toEqual([]);
    expect(await answered(people.root, { type: 'create', room, access: 'private' })).toBe('ack');
    expect(await answered(people.eve, { type: 'join', room })).toBe('forbidden');
  });
});

describe('[JW4] a PostgreSQL that fails over', () => {
  let server: PostgresServer;
  let node: TestEngine;
  beforeAll(async () => {
    server = await startPostgres();
    node = await TestEngine.start({ databaseUrl: server.url });
  });
  afterAll(async () => {
    await node.stop();
    await server.stop();
  });

  test('[JW4] everyone is off without asking for anything, and nothing that is sent since is read by a stranger', async () => {
    const [lost, kept] = ['lost', 'kept'];
    const people = await roomOf(node, lost);
    const others = await roomOf(node, kept);
    const client = new pg.Client({ connectionString: server.url });
    await client.connect();
    await lose((sql, values) => client.query(sql, [...values]), lost, true);
    await client.query('delete from vagus.members where room = $1 and "user" = $2', [kept, 'ann']);
    await client.end();
    await server.failOver();
    await isOver(node, lost, people);
    // Who is no member any more is put off by the rule of always.
    expect(await others.ann.type('notification', 'left')).toMatchObject({ data: { reason: 'removed' } });
    expect(await answered(others.ann, { type: 'history', room: kept })).toBe('forbidden');
    expect(await answered(others.bob, { type: 'chat', room: kept, content: 'x' })).toBe('ack');
    for (const one of [others.bob, others.root])
      expect(one.notifications('left').filter(removed)).toEqual([]);
  });
});

function removed({ data }: Frame): boolean {
  return data.reason === 'removed';
}
