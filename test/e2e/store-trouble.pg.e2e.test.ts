import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { describe, test, type ExpectStatic } from 'vitest';
import type { Frame, TestClient } from '../support/client.ts';
import { createDatabase } from '../support/database.ts';
import { NodeProcess, SECRET } from '../support/node-process.ts';
import { startPostgres } from '../support/postgres-server.ts';

// A disk that is full, and a server that stands still: real ones. The disk is the kernel's limit on the size of
// files, which any user may set on a process of his own and lift again.

/** No file of these processes may grow past this: the segments of the write-ahead log (16 MiB) just fit. */
const FULL = 17_000_000;

function limitFiles(pids: readonly number[], bytes: number | 'unlimited'): void {
  for (const pid of pids) {
    // As whoever runs it: nobody else may, without being allowed everything.
    const { uid, gid } = statSync(`/proc/${pid}`);
    execFileSync('prlimit', ['--pid', String(pid), `--fsize=${bytes}:unlimited`], { uid, gid });
  }
}

/** A process and all that it has started. */
function family(pid: number): number[] {
  const parents = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
        return [{ pid: Number(name), parent: Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) }];
      } catch {
        return [];
      }
    });
  return [pid, ...parents.filter(({ parent }) => parent === pid).map((child) => child.pid)];
}

/** Content that does not compress. */
const noise = (): string => randomBytes(45_000).toString('base64');

let lastId = 0;
async function chat(client: TestClient, content: string): Promise<Frame> {
  return client.request({ type: 'chat', room: 'disk', id: `m${++lastId}`, content }, 30_000);
}

/** Fills the store until it refuses, frees it, and sees that everything goes on and nothing acked is missing. */
async function fillAndFree(
  expect: ExpectStatic,
  node: NodeProcess,
  limit: (bytes: number | 'unlimited') => void,
): Promise<void> {
  const client = await node.connect('ann');
  const acked = new Map<string, number>();
  const send = async (content: string): Promise<Frame> => {
    const reply = await chat(client, content);
    if (reply['type'] === 'ack') acked.set(reply['id'] as string, reply['seq'] as number);
    return reply;
  };
  await send('before');
  limit(FULL);
  let refused: Frame | undefined;
  while (!refused) {
    const replies = await Promise.all(Array.from({ length: 8 }, () => send(noise())));
    refused = replies.find((reply) => reply['type'] === 'error');
  }
  expect(refused).toMatchObject({ code: 'unavailable', retryable: true });
  // It stays so while the disk is full, and says so before the client would stop waiting.
  expect(await send(noise())).toMatchObject({ code: 'unavailable' });
  limit('unlimited');
  await expect.poll(async () => (await send('after'))['type'], { timeout: 20_000 }).toBe('ack');

  const ids = new Map<string, number>();
  for (let after = 0, more = true; more;) {
    const page = await client.request({ type: 'history', room: 'disk', after, limit: 200 });
    for (const message of page['messages'] as Frame[]) {
      expect(message['seq']).toBe(++after);
      ids.set(message['id'] as string, message['seq'] as number);
    }
    more = page['more'] as boolean;
  }
  expect(acked.size).toBeGreaterThan(100);
  expect(ids).toEqual(acked);
  client.terminate();
}

/** The process of one of the node's connections. */
async function backendOf(url: string): Promise<number> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query(
    `select pid from pg_stat_activity where application_name = 'vagus' limit 1`,
  );
  await client.end();
  return (rows as [{ pid: number }])[0].pid;
}

function serve(url: string): Promise<NodeProcess> {
  return NodeProcess.start(['serve'], {
    DATABASE_URL: url,
    VAGUS_JWT_SECRET: SECRET,
    VAGUS_ROOMS_AUTO_CREATE: 'on',
    VAGUS_LOG_LEVEL: 'silent',
  });
}

// What is below waits for timeouts, mostly: it does so at the same time.
describe.concurrent(
  '[DG1] [LC4] a full disk: unavailable, nothing acked that is not stored, and service comes back by itself',
  () => {
    test('[DG1] [LC4] under PostgreSQL', async ({ expect }) => {
      const server = await startPostgres();
      const node = await serve(server.url);
      await fillAndFree(expect, node, (bytes) => limitFiles(family(server.process.pid as number), bytes));
      await node.terminate();
      await server.stop();
    }, 120_000);

    test('[DG1] [LC4] under the embedded store', async ({ expect }) => {
      const folder = mkdtempSync(join(tmpdir(), 'vagus-full-'));
      const node = await NodeProcess.start(['dev'], {
        VAGUS_DATA_DIR: folder,
        VAGUS_JWT_SECRET: SECRET,
        VAGUS_LOG_LEVEL: 'silent',
      });
      await fillAndFree(expect, node, (bytes) => limitFiles([node.child.pid as number], bytes));
      await node.terminate();
      rmSync(folder, { recursive: true });
    }, 120_000);
  },
);

test.concurrent(
  '[DG4] [LC4] a server that stands still, and one that is killed: everything is settled when it goes on',
  async ({ expect }) => {
    const server = await startPostgres();
    const node = await serve(server.url);
    const client = await node.connect('ann');
    await client.request({ type: 'join', room: 'disk' });
    await chat(client, 'before');
    const pids = family(server.process.pid as number);
    for (const pid of pids) process.kill(pid, 'SIGSTOP');
    const stuck = Array.from({ length: 5 }, () => chat(client, 'while it stands still'));
    const codes = (await Promise.all(stuck)).map((reply) => reply['code'] as string);
    expect(codes.every((code) => code === 'outcome_unknown' || code === 'unavailable')).toBe(true);
    for (const pid of pids) process.kill(pid, 'SIGCONT');
    await expect.poll(async () => (await chat(client, 'after'))['type'], { timeout: 20_000 }).toBe('ack');

    // A backend that is killed takes all connections with it, and PostgreSQL recovers from its log.
    const victim = await backendOf(server.url);
    const open = Array.from({ length: 40 }, () => chat(client, 'at the crash'));
    process.kill(victim, 'SIGKILL');
    const replies = await Promise.all(open);
    await expect.poll(async () => (await chat(client, 'end'))['type'], { timeout: 20_000 }).toBe('ack');
    await client.chat('disk', 'end');
    const { messages } = await client.request({ type: 'history', room: 'disk', limit: 200 });
    const seqs = new Map((messages as Frame[]).map((message) => [message['id'], message['seq']]));
    expect([...seqs.values()]).toEqual([...seqs.values()].map((_, at) => at + 1));
    for (const reply of replies) {
      if (reply['type'] === 'ack') expect(seqs.get(reply['id'])).toBe(reply['seq']);
      else if (reply['code'] !== 'outcome_unknown') expect(seqs.has(reply['id'])).toBe(false);
    }
    expect(client.chats('disk').map((text) => Number(text.split(' ')[0]))).toEqual([...seqs.values()]);
    client.terminate();
    await node.terminate();
    await server.stop();
  },
  120_000,
);

test('[D19] many nodes that start together on a new database migrate it once', async ({ expect }) => {
  const database = await createDatabase();
  const environment = { DATABASE_URL: database.url, VAGUS_JWT_SECRET: SECRET };
  const nodes = await Promise.all(Array.from({ length: 5 }, () => NodeProcess.start(['serve'], environment)));
  expect(await database.query('select count(*)::int as logs from vagus.meta')).toEqual([{ logs: 1 }]);
  await Promise.all(nodes.map((node) => node.terminate()));
  await database.drop();
}, 60_000);
