import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { NodeProcess, SECRET } from '../support/node-process.ts';
import { startPostgres, type PostgresServer } from '../support/postgres-server.ts';

// What a node says of its acks when it starts.

let careful: PostgresServer;
let careless: PostgresServer;
let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'vagus-acks-'));
  [careful, careless] = await Promise.all([startPostgres({ fsync: 'on' }), startPostgres({ fsync: 'off' })]);
}, 60_000);
afterAll(async () => {
  await Promise.all([careful.stop(), careless.stop()]);
  rmSync(folder, { recursive: true, force: true });
});

type Variables = Readonly<Record<string, string>>;

/** The lines about acks that a node logs at the start, as its level and what they say, and its metrics. */
async function saidBy(command: string, environment: Variables) {
  const node = await NodeProcess.start([command], { VAGUS_JWT_SECRET: SECRET, ...environment });
  const metrics = (await node.metrics()).match(/^vagus_ack_survives.*$/gm) ?? [];
  const { stderr, code } = await node.terminate();
  expect(code).toBe(0);
  const survived = metrics
    .map((line) => /"(\w+)"\} ([01])$/.exec(line))
    .filter((found) => found?.[2] === '1');
  expect(metrics).toHaveLength(4);
  const lines = stderr
    .split('\n')
    .filter((line) => line.includes('an acked message'))
    .map((line) => JSON.parse(line) as { readonly level: string; readonly msg: string });
  return {
    said: lines.map(({ level, msg }) => `${level}: ${msg}`),
    survived: survived.map((found) => found?.[1]),
  };
}

test('[D21] [DG1] a node says in one line what its acks are worth', async () => {
  const environment = {
    DATABASE_URL: careful.url,
    VAGUS_DATABASE_FSYNC_OFF: 'refuse',
    VAGUS_LOG_LEVEL: 'info',
  };
  expect(await saidBy('serve', environment)).toEqual({
    said: [
      'info: an acked message survives a crash of the node, a crash of PostgreSQL and a power cut; ' +
        'not a failover: there is no synchronous standby (synchronous_standby_names is empty)',
    ],
    survived: ['node_crash', 'database_crash', 'power_cut'],
  });
}, 60_000);

test('[D21] fsync off stops the start in one line, unless it is allowed', async () => {
  const environment = { DATABASE_URL: careless.url, VAGUS_JWT_SECRET: SECRET };
  const node = await NodeProcess.spawn(['serve'], { ...environment, VAGUS_DATABASE_FSYNC_OFF: '' });
  const { code, stdout, stderr } = await node.ended;
  expect([code, stdout]).toEqual([1, '']);
  expect(stderr).toMatch(
    /^vagus: the database at 127\.0\.0\.1:\d+\/postgres of DATABASE_URL \(databaseUrl\) has fsync off, so .+ to allow\n$/,
  );
  const allowed = { ...environment, VAGUS_DATABASE_FSYNC_OFF: 'allow' };
  expect(await saidBy('serve', allowed)).toEqual({
    said: [
      expect.stringMatching(
        /^warn: .*; not a power cut: fsync is off, so it may destroy the database; /,
      ) as string,
    ],
    survived: ['node_crash', 'database_crash'],
  });
}, 60_000);

test('[D21] on the embedded database serve warns, and dev, which is for development, does not', async () => {
  const warning =
    'an acked message survives a crash of the node; not a power cut: the embedded database does not wait for the disk';
  const data = { VAGUS_DATA_DIR: join(folder, 'a') };
  const survived = ['node_crash', 'database_crash'];
  expect(await saidBy('serve', data)).toEqual({ said: [`warn: ${warning}`], survived });
  expect(await saidBy('dev', data)).toEqual({ said: [], survived });
  const asked = { ...data, VAGUS_LOG_LEVEL: 'info' };
  expect(await saidBy('dev', asked)).toEqual({ said: [`info: ${warning}`], survived });
}, 60_000);
