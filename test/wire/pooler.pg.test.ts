import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { TestEngine } from '../support/engine.ts';
import { startBouncer, type Bouncer } from '../support/pgbouncer.ts';

/** Fewer than the node's own connections, so that statements of one land on the sessions of others. */
const SERVER_CONNECTIONS = 4;
const CLIENTS = 200;
/** Each message goes to 20 clients: with one room it would be the tests' clients that are measured. */
const ROOMS = 10;

let database: TestDatabase;
let bouncer: Bouncer;
let node: TestEngine;
beforeAll(async () => {
  database = await createDatabase();
  bouncer = await startBouncer(database.url, { mode: 'transaction', serverConnections: SERVER_CONNECTIONS });
  node = await TestEngine.start({ databaseUrl: bouncer.through(database.url) });
});
afterAll(async () => {
  await node.stop();
  await bouncer.stop();
  await database.drop();
});

/** What the pooler's next user finds. */
async function found(): Promise<unknown> {
  const client = new pg.Client({ connectionString: bouncer.through(database.url) });
  await client.connect();
  const { rows } = await client.query(
    `select current_setting('enable_seqscan') as seqscan, current_setting('statement_timeout') as timeout,
      (select count(*)::int from pg_prepared_statements) as prepared`,
  );
  await client.end();
  return rows[0];
}

test('[D22] two hundred clients get in and chat through a pooler of transactions, and leave nothing on it', async () => {
  const before = await found();
  const clients = await Promise.all(
    Array.from({ length: CLIENTS }, async (_, n) => {
      const room = `hall-${n % ROOMS}`;
      return { room, client: await node.join(`u${n}`, room) };
    }),
  );
  const replies = await Promise.all(
    clients.map(({ room, client }, n) => client.request({ type: 'chat', room, content: `of ${n}` })),
  );
  expect(replies.map(({ type }) => type)).toEqual(replies.map(() => 'ack'));
  // Each sees all of its room, in one order.
  const seen = new Map<string, string[]>();
  for (const { room, client } of clients) {
    await client.until(() => client.chats(room).length === CLIENTS / ROOMS);
    expect(client.chats(room)).toEqual(seen.get(room) ?? client.chats(room));
    seen.set(room, client.chats(room));
  }
  const contents = [...seen.values()].flat().map((chat) => chat.replace(/^\d+ /, ''));
  expect(contents.toSorted()).toEqual(replies.map((_, n) => `of ${n}`).toSorted());
  for (let n = 0; n < SERVER_CONNECTIONS * 4; n++) expect(await found()).toEqual(before);
});
