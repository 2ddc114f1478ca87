import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Frame, TestClient } from '../support/client.ts';
import { NodeProcess, SECRET } from '../support/node-process.ts';
import { startPostgres, type PostgresServer } from '../support/postgres-server.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';

// An asynchronous standby is promoted that has not had the last commits: real servers, of which the first is killed.

let primary: PostgresServer;
let standby: PostgresServer;
/** By which the standby follows, and by which the node finds the server that may be written to. */
let replication: TcpProxy;
let address: TcpProxy;
let node: NodeProcess;

beforeAll(async () => {
  primary = await startPostgres();
  replication = await TcpProxy.to(primary.url);
  address = await TcpProxy.to(primary.url);
  standby = await primary.standby(replication.through(primary.url));
  node = await NodeProcess.start(['serve'], {
    DATABASE_URL: address.through(primary.url),
    VAGUS_JWT_SECRET: SECRET,
    VAGUS_ROOMS_AUTO_CREATE: 'on',
  });
}, 60_000);

afterAll(async () => {
  await node.kill();
  for (const proxy of [replication, address]) await proxy.close();
  for (const server of [primary, standby]) await server.stop();
});

async function ask(server: PostgresServer, query: string): Promise<unknown> {
  const client = new pg.Client({ connectionString: server.url });
  await client.connect();
  const { rows } = await client.query<{ readonly it: unknown }>(query);
  await client.end();
  return rows[0]?.it;
}

/** Sends until it is stored. */
async function send(client: TestClient, id: string): Promise<number> {
  for (;;) {
    const reply = await client.request({ type: 'chat', room: 'r', content: id, id });
    if (reply['type'] === 'ack') return reply['seq'] as number;
    expect(reply['retryable']).toBe(true);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function joined(user: string): Promise<TestClient> {
  const client = await node.connect(user);
  await client.request({ type: 'join', room: 'r' });
  return client;
}

/** What a client was shown and told of the room, in order. */
function told(client: TestClient): string[] {
  return client.frames.flatMap(({ type, action, seq, content, data }) => {
    if (type === 'chat') return [`${seq} ${content}`];
    return action === 'reset' && data.channel === 'room:r' ? [`reset ${data.seq}`] : [];
  });
}

async function resumed(log: string, position: unknown): Promise<{ reply: Frame; client: TestClient }> {
  const client = await node.connect('dora');
  const { channels } = await client.request({ type: 'resume', log, channels: { 'room:r': position } });
  return { reply: (channels as Record<string, Frame>)['room:r'] as Frame, client };
}

const readiness = async (): Promise<number> =>
  (await fetch(`http://127.0.0.1:${node.adminPort}/readyz`)).status;

test('[DG1] [PU2] [RQ2] acked messages that are lost with the primary are named, and everyone goes on with what is stored', async () => {
  const [alice, bob] = [await joined('alice'), await joined('bob')];
  const { log } = alice.welcomed;
  for (let n = 1; n <= 5; n++) expect(await send(alice, `m${n}`)).toBe(n);
  const heard = `select replay_lsn >= pg_current_wal_lsn() as it from pg_stat_replication`;
  await expect.poll(() => ask(primary, heard), { timeout: 10_000 }).toBe(true);
  replication.refuse(true);
  for (let n = 6; n <= 8; n++) expect(await send(alice, `m${n}`)).toBe(n);
  await bob.chat('r', 'm8');

  primary.process.kill('SIGKILL');
  expect(await ask(standby, 'select pg_promote() as it')).toBe(true);
  address.leadTo(standby.url);

  // Nothing need be sent for it.
  for (const client of [alice, bob]) await client.type('notification', 'reset');
  expect(await send(alice, 'n6')).toBe(6);
  expect(await send(bob, 'm8')).toBe(7);
  const shown = Array.from({ length: 8 }, (_, at) => `${at + 1} m${at + 1}`);
  for (const client of [alice, bob]) {
    await client.until(() => told(client).at(-1) === '7 m8');
    expect(told(client)).toEqual([...shown, 'reset 5', '6 n6', '7 m8']);
  }

  // Somebody from before, with a message that is gone, with one that is there, and with a number alone.
  expect((await joined('carol')).welcomed['log']).toBe(`${log}.2`);
  const gone = await resumed(log, { seq: 6, id: 'm6', from: 'alice' });
  expect(gone.reply).toEqual({ seq: 7, reset: true });
  const { messages } = await gone.client.request({ type: 'history', room: 'r', after: 0 });
  const stored = (messages as Frame[]).map(({ seq, content }) => `${seq} ${content}`);
  expect(stored).toEqual([...shown.slice(0, 5), '6 n6', '7 m8']);
  const there = await resumed(log, { seq: 4, id: 'm4', from: 'alice' });
  expect(there.reply).toEqual({ seq: 7 });
  await there.client.until(() => told(there.client).length === 3);
  expect(told(there.client)).toEqual(['5 m5', '6 n6', '7 m8']);
  expect((await resumed(log, 4)).reply).toEqual({ seq: 7, reset: true });

  await expect.poll(readiness, { timeout: 20_000 }).toBe(200);
  const metrics = await node.metrics();
  expect(metrics).toContain('vagus_rewinds_total 1');
  expect(metrics).toContain('vagus_resets_total{reason="rewound"} 2');
  expect(metrics).toContain('vagus_resets_total{reason="other_message"} 1');
  expect(metrics).toContain('vagus_resets_total{reason="other_log"} 1');
}, 60_000);
