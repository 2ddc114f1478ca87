import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { TestClient } from '../support/client.ts';
import { findOrInstall, findProgram } from '../support/debian.ts';
import { NodeProcess } from '../support/node-process.ts';
import { Nodes } from '../support/nodes.ts';
import { freePort } from '../support/postgres-server.ts';
import { startRedis, type RedisServer } from '../support/redis-server.ts';
import { read } from '../support/source.ts';

// A Redis that takes nodes by TLS only, as a user that may do what docs/operations.md says and nothing else.

const PASSWORD = 'a-password-of-the-tests';
const PREFIX = 'shop:';

let folder: string;
let nodes: Nodes;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'vagus-tls-'));
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const names = ['-days', '2', '-subj', '/CN=redis', '-addext', 'subjectAltName=IP:127.0.0.1'];
  const openssl = findOrInstall({
    name: 'OpenSSL',
    debianPackage: 'openssl',
    hint: 'put openssl on the PATH',
    find: () => findProgram(['openssl'], ['/usr/bin', '/opt/homebrew/bin', '/usr/local/bin']),
  });
  execFileSync(openssl, ['req', '-x509', ...curve, ...names, '-keyout', key, '-out', cert], {
    stdio: 'ignore',
  });
  const port = await freePort();
  // The tests' own commands go by the other port, as another user.
  const redis = await startRedis({
    'tls-port': String(port),
    'tls-cert-file': cert,
    'tls-key-file': key,
    'tls-auth-clients': 'no',
  });
  await allow(redis);
  nodes = await Nodes.start(
    ['a', 'b'],
    {
      REDIS_URL: `rediss://vagus:${PASSWORD}@127.0.0.1:${port}/0`,
      NODE_EXTRA_CA_CERTS: cert,
      VAGUS_REDIS_PREFIX: PREFIX,
      VAGUS_REDIS_EGRESS: 'on',
    },
    { redis },
  );
});
afterAll(async () => {
  await nodes.stop();
  rmSync(folder, { recursive: true });
});

/** Makes the user by the line of the documentation. */
async function allow(redis: RedisServer): Promise<void> {
  const [, line = ''] = /^ACL (SETUSER .+)$/m.exec(read('docs/operations.md')) ?? [];
  const words = line.replace('PASSWORD', PASSWORD).replaceAll('vagus:', PREFIX).split(' ');
  expect(await redis.call('acl', ...words)).toBe('OK');
}

async function joined(node: string, user: string, room: string): Promise<TestClient> {
  const client = await nodes.get(node).connect(user);
  expect(await client.request({ type: 'join', room })).toMatchObject({ type: 'ack' });
  return client;
}

const readiness = async (name: string): Promise<unknown> =>
  (await fetch(`http://127.0.0.1:${nodes.get(name).adminPort}/readyz`)).json();

/** Both send, and both see it. */
async function chat(clients: readonly TestClient[], room: string, content: string): Promise<void> {
  for (const [n, client] of clients.entries()) {
    const id = `${content}-${n}`;
    const send = (): Promise<unknown> => client.request({ type: 'chat', room, id, content: id });
    await expect.poll(send, { timeout: 10_000 }).toMatchObject({ type: 'ack' });
    for (const reader of clients) await reader.chat(room, id);
  }
}

test('[D13] [RC1] [RC2] [LC4] nodes chat by TLS with the rights of the documentation, and ask for no other', async () => {
  const clients = [await joined('a', 'ann', 'lobby'), await joined('b', 'bob', 'lobby')];
  await chat(clients, 'lobby', 'hello');
  const message = JSON.stringify({ content: 'by Redis' });
  await nodes.redis.call(
    'publish',
    'room:lobby',
    JSON.stringify({ channel: 'room:lobby', type: 'chat_message', message }),
  );
  for (const client of clients) await client.chat('lobby', 'by Redis');
  const state = (): Promise<unknown> => nodes.redis.call('hget', `${PREFIX}room:lobby`, 'head');
  await expect.poll(state, { timeout: 10_000 }).toBe('3');
  const told = async (): Promise<number> => {
    const texts = await Promise.all(nodes.all.map((node) => node.metrics()));
    const line = /^vagus_redis_announcements_total\{outcome="told"\} (\d+)$/m;
    return texts.reduce((sum, text) => sum + Number(line.exec(text)?.[1] ?? 0), 0);
  };
  await expect.poll(told).toBe(3);
  // Each node subscribes again.
  await nodes.redis.call('client', 'kill', 'user', 'vagus');
  await chat(clients, 'lobby', 'again');
  for (const name of ['a', 'b'])
    await expect.poll(() => readiness(name), { timeout: 10_000 }).toEqual({ status: 'ready' });
  expect(await nodes.redis.call('acl', 'log')).toEqual([]);
  for (const client of clients) await client.close();
});

test('[D13] a node that does not know the authority reaches no Redis, and says why', async () => {
  const environment = { ...nodes.environmentOf('c'), NODE_EXTRA_CA_CERTS: '' };
  const stranger = await NodeProcess.spawn(['serve'], environment);
  const said = (): string => stranger.stdout + stranger.stderr;
  await expect.poll(said, { timeout: 10_000 }).toContain('self-signed certificate');
  expect(said()).not.toContain('Redis reached');
  await stranger.kill();
});
