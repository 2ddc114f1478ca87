import { spawn } from 'node:child_process';
import { chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { findOrInstall, findProgram } from './debian.ts';
import { freePort, unprivileged } from './postgres-server.ts';

/** A PgBouncer in front of a PostgreSQL, in a temporary folder, gone afterwards. */
export interface Bouncer {
  /** The address of a database of that server by way of it. */
  through(databaseUrl: string): string;
  stop(): Promise<void>;
}

export interface BouncerOptions {
  readonly mode: 'transaction' | 'session';
  /** Shared by all who come as one user to one database. */
  readonly serverConnections: number;
}

export async function startBouncer(databaseUrl: string, options: BouncerOptions): Promise<Bouncer> {
  const binary = findOrInstall({
    name: 'PgBouncer',
    debianPackage: 'pgbouncer',
    hint: 'put it on the PATH',
    find: () => findProgram(['pgbouncer'], ['/usr/sbin', '/opt/homebrew/bin', '/usr/local/bin']),
  });
  const user = unprivileged();
  const folder = mkdtempSync(join(tmpdir(), 'vagus-bouncer-'));
  if (user) chownSync(folder, user.uid, user.gid);
  const { hostname, port: serverPort, username } = new URL(databaseUrl);
  const port = await freePort();
  writeFileSync(join(folder, 'users'), `"${username}" ""\n`);
  writeFileSync(
    join(folder, 'pgbouncer.ini'),
    `[databases]
* = host=${hostname} port=${serverPort}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = trust
auth_file = ${join(folder, 'users')}
pool_mode = ${options.mode}
default_pool_size = ${options.serverConnections}
max_client_conn = 300
`,
  );
  const child = spawn(binary, [join(folder, 'pgbouncer.ini')], {
    ...user,
    cwd: folder,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let log = '';
  child.stderr.on('data', (chunk: Buffer) => (log = (log + chunk.toString()).slice(-8_000)));
  const through = (url: string): string =>
    Object.assign(new URL(url), { hostname: '127.0.0.1', port: String(port) }).href;
  const stop = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) {
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGQUIT');
      await ended;
    }
    rmSync(folder, { recursive: true, force: true });
  };
  for (let tries = 0; ; tries++) {
    const client = new pg.Client({ connectionString: through(databaseUrl) });
    try {
      await client.connect();
      await client.end();
      return { through, stop };
    } catch (error) {
      if (child.exitCode !== null || tries > 300) {
        await stop();
        throw new Error(`PgBouncer did not start: ${String(error)}\n${log}`, { cause: error });
      }
      await sleep(50);
    }
  }
}

const SETTINGS = [
  'statement_timeout',
  'enable_seqscan',
  'plan_cache_mode',
  'jit',
  'lock_timeout',
  'idle_in_transaction_session_timeout',
];

/** The settings of a session of the server that a node would change, as an application behind the same pooler sees them. */
export async function settingsOf(client: pg.Client): Promise<Record<string, string>> {
  const { rows } = await client.query<{ name: string; setting: string }>(
    'select name, setting from pg_settings where name = any($1)',
    [SETTINGS],
  );
  return Object.fromEntries(rows.map(({ name, setting }) => [name, setting]));
}

interface Session {
  readonly settings: Readonly<Record<string, string>>;
  /** The names of prepared statements. */
  readonly prepared: readonly unknown[];
}

/** What so many clients that come at once find in the sessions that the pooler lends them. */
export function sessionsOf(bouncer: Bouncer, databaseUrl: string, count: number): Promise<Session[]> {
  const look = async (): Promise<Session> => {
    const client = new pg.Client({ connectionString: bouncer.through(databaseUrl) });
    await client.connect();
    const settings = await settingsOf(client);
    const { rows } = await client.query('select name from pg_prepared_statements');
    await client.end();
    return { settings, prepared: rows };
  };
  return Promise.all(Array.from({ length: count }, look));
}
