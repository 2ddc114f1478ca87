import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import {
  chownSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { findOrInstall } from './debian.ts';

/** A PostgreSQL of the tests' own: on a free port, in a temporary folder, gone afterwards. */
export interface PostgresServer {
  readonly url: string;
  readonly process: ChildProcess;
  /** It ends, and goes on as a standby that is promoted does: on another timeline. */
  failOver(): Promise<void>;
  /** Another server that is a copy of this one, and follows it at an address of it. */
  standby(address: string): Promise<PostgresServer>;
  stop(): Promise<void>;
}

/** The folder with initdb and postgres. */
function findBinaries(): string {
  const before = clusters();
  const folder = findOrInstall({
    name: 'PostgreSQL',
    debianPackage: 'postgresql',
    hint: 'set TEST_DATABASE_URL to a server that may create databases',
    find: lookForBinaries,
  });
  // The package makes and starts a server nobody asked for.
  for (const line of clusters().split('\n')) {
    const [version, name] = line.split(/\s+/);
    if (version && name && !before.includes(line))
      execFileSync('pg_dropcluster', ['--stop', version, name], { stdio: 'ignore' });
  }
  return folder;
}

function clusters(): string {
  return existsSync('/usr/bin/pg_lsclusters') ? execFileSync('pg_lsclusters', ['-h']).toString() : '';
}

function lookForBinaries(): string | undefined {
  const debian = '/usr/lib/postgresql';
  const versions = existsSync(debian) ? readdirSync(debian).toSorted((a, b) => Number(b) - Number(a)) : [];
  const folders = [
    ...versions.map((version) => join(debian, version, 'bin')),
    ...(process.env['PATH'] ?? '').split(':'),
    '/opt/homebrew/bin',
    '/usr/local/bin',
  ];
  return folders.find((folder) => existsSync(join(folder, 'initdb')) && existsSync(join(folder, 'postgres')));
}

/** PostgreSQL and PgBouncer refuse to run as root. */
export function unprivileged(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const users = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
  const user = users.find(([name]) => name === 'postgres') ?? users.find(([name]) => name === 'nobody');
  if (!user) throw new Error('they do not run as root, and there is neither a user postgres nor nobody');
  return { uid: Number(user[2]), gid: Number(user[3]) };
}

/** Below those that a system gives to whoever connects (32,768 and up on Linux): such a one may be taken before it is used. */
const PORTS = { from: 10_000, to: 32_000 };

/** Processes of one run draw from shares of their own: the workers are numbered from 1, and 0 is what starts them. */
const WORKERS = 4;
const share = Math.floor((PORTS.to - PORTS.from) / WORKERS);
const firstPort = PORTS.from + share * (Number(process.env['VITEST_POOL_ID'] ?? 0) % WORKERS);

let given = randomInt(share);

/** A port that is free, that nothing but a test would take, and that was not given before. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < 100; tries++) {
    given = (given + 1) % share;
    // Kept apart: who asks meanwhile moves `given` on.
    const port = firstPort + given;
    if (await isFree(port)) return port;
  }
  throw new Error(`no port is free up to ${firstPort + given}`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

type Settings = Readonly<Record<string, string>>;

/** `binaries`: the folder of another installation's programs. */
export function startPostgres(settings: Settings = {}, binaries = findBinaries()): Promise<PostgresServer> {
  const locale = ['--encoding=UTF8', '--locale=C.UTF-8'];
  const args = ['-U', 'vagus', '--auth=trust', ...locale, '--no-sync'];
  return start(settings, binaries, (data) => ['initdb', '-D', data, ...args]);
}

function startStandby(settings: Settings, address: string): Promise<PostgresServer> {
  const how = ['--write-recovery-conf', '--wal-method=stream', '--checkpoint=fast', '--no-sync'];
  return start(settings, findBinaries(), (data) => ['pg_basebackup', '-D', data, '-d', address, ...how]);
}

/** `make`: the program that makes the server's folder, and its arguments. */
async function start(
  settings: Settings,
  binaries: string,
  make: (data: string) => readonly [program: string, ...string[]],
): Promise<PostgresServer> {
  const user = unprivileged();
  const folder = mkdtempSync(join(tmpdir(), 'vagus-pg-'));
  if (user) chownSync(folder, user.uid, user.gid);
  const options = { ...user, cwd: folder, env: { ...process.env, LC_ALL: 'C.UTF-8', TZ: 'UTC' } };
  const data = join(folder, 'data');
  const [program, ...args] = make(data);
  const made = spawn(join(binaries, program), args, { ...options, stdio: ['ignore', 'ignore', 'inherit'] });
  const [code] = (await once(made, 'exit')) as [number | null];
  if (code !== 0) throw new Error(`${program} ended with ${code}`);
  const port = await freePort();
  const all = {
    listen_addresses: '127.0.0.1',
    port: String(port),
    unix_socket_directories: folder,
    max_connections: '200',
    // The machine does not lose power under the tests; PostgreSQL's own death loses nothing without it.
    fsync: 'off',
    ...settings,
  };
  const flags = Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  let log = '';
  const run = (...more: string[]): ChildProcess => {
    const started = spawn(join(binaries, 'postgres'), ['-D', data, ...flags, ...more], {
      ...options,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    started.stderr.on('data', (chunk: Buffer) => (log = (log + chunk.toString()).slice(-8_000)));
    return started;
  };
  let child = run();
  const url = `postgres://vagus@127.0.0.1:${port}/postgres`;
  try {
    await answers(url, child);
  } catch (error) {
    child.kill('SIGKILL');
    throw new Error(`PostgreSQL did not start: ${String(error)}\n${log}`, { cause: error });
  }
  return {
    url,
    get process() {
      return child;
    },
    failOver: async () => {
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGINT');
      await ended;
      // Recovery from an archive that has nothing ends at once, as a promotion does.
      writeFileSync(join(data, 'recovery.signal'), '');
      child = run('-c', 'restore_command=false');
      await answers(url, child);
    },
    standby: (address) => startStandby(settings, address),
    stop: async () => {
      if (child.exitCode === null && child.signalCode === null) {
        const ended = new Promise((resolve) => child.once('exit', resolve));
        // Immediate: nothing of it is kept. SIGCONT first, should a test have stopped it.
        child.kill('SIGCONT');
        child.kill('SIGQUIT');
        await ended;
      }
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function answers(url: string, child: ChildProcess): Promise<void> {
  for (let tries = 0; ; tries++) {
    const client = new pg.Client({ connectionString: url });
    try {
      await client.connect();
      await client.end();
      return;
    } catch (error) {
      if (child.exitCode !== null || tries > 300) throw error;
      await sleep(50);
    }
  }
}
