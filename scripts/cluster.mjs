// Runs a cluster on this machine: three nodes, a Redis and a PostgreSQL, each a process that may be killed. Everything it
// makes is in a temporary folder, and gone when it ends. DATABASE_URL and REDIS_URL name servers that run already.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chownSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
/** The public port of the first node; the others follow, and the admin ports a thousand higher. */
const FIRST_PORT = Number(process.env.VAGUS_PORT ?? 8081);
const NODES = ['a', 'b', 'c'];

const folder = mkdtempSync(join(tmpdir(), 'vagus-cluster-'));
/** How each process is started, and the one that runs. */
const parts = new Map();
let isEnding = false;

function fail(message) {
  process.stderr.write(`cluster: ${message}\n`);
  void end(1);
  throw new Error(message);
}

/** Where a program is, in these folders or on the PATH. */
function find(name, folders) {
  const found = [...folders, ...(process.env.PATH ?? '').split(':')].find((one) =>
    existsSync(join(one, name)),
  );
  return found && join(found, name);
}

function postgresFolders() {
  const debian = '/usr/lib/postgresql';
  const versions = existsSync(debian) ? readdirSync(debian).toSorted((a, b) => Number(b) - Number(a)) : [];
  return [...versions.map((version) => join(debian, version, 'bin')), '/opt/homebrew/bin', '/usr/local/bin'];
}

/** PostgreSQL refuses to run as root. */
function unprivileged() {
  if (process.getuid?.() !== 0) return {};
  const users = readFileSync('/etc/passwd', 'utf8').split('\n');
  const [, , uid, gid] = (
    users.find((line) => line.startsWith('postgres:')) ?? users.find((line) => line.startsWith('nobody:'))
  ).split(':');
  return { uid: Number(uid), gid: Number(gid) };
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

async function isListening(port, child) {
  for (;;) {
    if (child.exitCode !== null) return false;
    const socket = connect(port, '127.0.0.1');
    const isThere = await Promise.race([
      once(socket, 'connect').then(() => true),
      once(socket, 'error').then(() => false),
    ]).catch(() => false);
    socket.destroy();
    if (isThere) return true;
    await sleep(50);
  }
}

/** Starts a part, and says so when it ends by itself. */
async function start(name) {
  const part = parts.get(name);
  // In a group of its own: the terminal's Ctrl-C must not end the database before the nodes have left.
  const how = { stdio: ['ignore', 'ignore', 'inherit'], detached: true, ...part.options };
  const child = spawn(part.program, part.args, how);
  part.child = child;
  child.once('exit', (code, signal) => {
    if (isEnding) return;
    console.log(`${name} has ended (${signal ?? code}). Type ${name} and Enter to start it again.`);
  });
  if (!(await isListening(part.port, child))) fail(`${name} does not start`);
  return child;
}

async function preparePostgres() {
  if (process.env.DATABASE_URL) return process.env.DATABASE_URL;
  const initdb = find('initdb', postgresFolders());
  if (!initdb)
    fail('PostgreSQL is not here: install it (on Debian: apt-get install postgresql), or set DATABASE_URL');
  const owner = unprivileged();
  const place = join(folder, 'postgres');
  const options = { ...owner, cwd: folder, env: { ...process.env, LC_ALL: 'C.UTF-8' } };
  if (owner.uid !== undefined) chownSync(folder, owner.uid, owner.gid);
  const made = spawn(initdb, ['-D', place, '-U', 'vagus', '--auth=trust', '--encoding=UTF8', '--no-sync'], {
    ...options,
    stdio: 'ignore',
  });
  if ((await once(made, 'exit'))[0] !== 0) fail('PostgreSQL could not make its folder');
  const port = await freePort();
  const settings = {
    port,
    listen_addresses: '127.0.0.1',
    unix_socket_directories: folder,
    log_min_messages: 'fatal',
  };
  const args = [
    '-D',
    place,
    ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
  ];
  const program = join(initdb, '..', 'postgres');
  parts.set('postgres', { program, args, options: { ...options, stdio: 'ignore' }, port });
  await start('postgres');
  return `postgres://vagus@127.0.0.1:${port}/postgres`;
}

async function prepareRedis() {
  if (process.env.REDIS_URL) return process.env.REDIS_URL;
  // Debian has the server's program also as that of a tool, which takes its name from how it is called.
  const program = find('redis-server', ['/opt/homebrew/bin']) ?? find('redis-check-rdb', []);
  if (!program)
    fail('Redis is not here: install it (on Debian: apt-get install redis-server), or set REDIS_URL');
  const port = await freePort();
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', folder];
  parts.set('redis', { program, args, options: { argv0: 'redis-server', stdio: 'ignore' }, port });
  await start('redis');
  return `redis://127.0.0.1:${port}`;
}

async function startNodes(shared) {
  for (const [at, name] of NODES.entries()) {
    const port = FIRST_PORT + at;
    const env = {
      ...process.env,
      ...shared,
      VAGUS_NODE_ID: name,
      VAGUS_PORT: port,
      VAGUS_ADMIN_PORT: port + 1_000,
    };
    const args = [join(root, 'dist/cli/main.js'), 'dev'];
    parts.set(name, { program: process.execPath, args, options: { env }, port });
    await start(name);
  }
}

function greet() {
  const processOf = (name) => (parts.has(name) ? `, ${name} as process ${parts.get(name).child.pid}` : '');
  for (const [at, name] of NODES.entries())
    console.log(`node ${name}: http://127.0.0.1:${FIRST_PORT + at}, as process ${parts.get(name).child.pid}`);
  console.log(`beside them${processOf('redis')}${processOf('postgres')}`.replace('them,', 'them:'));
  console.log(
    'Chat on two pages, kill -9 a process, and chat on. Type its name and Enter to start it again; Ctrl-C ends all.',
  );
}

/** Nodes first: they leave in order while the others are there. */
async function end(code) {
  if (isEnding) return;
  isEnding = true;
  const living = (name) => {
    const child = parts.get(name)?.child;
    return child && child.exitCode === null && child.signalCode === null ? [child] : [];
  };
  const stop = async (names, signal) => {
    const children = names.flatMap(living);
    const ended = children.map((child) => once(child, 'exit'));
    for (const child of children) child.kill(signal);
    await Promise.all(ended);
  };
  await stop(NODES, 'SIGTERM');
  await stop(['redis'], 'SIGTERM');
  await stop(['postgres'], 'SIGINT');
  rmSync(folder, { recursive: true, force: true });
  process.exit(code);
}

process.on('SIGINT', () => void end(0));
process.on('SIGTERM', () => void end(0));
const databaseUrl = await preparePostgres();
const redisUrl = await prepareRedis();
const secret = () => randomBytes(36).toString('base64url');
await startNodes({
  DATABASE_URL: databaseUrl,
  REDIS_URL: redisUrl,
  VAGUS_CLUSTER_SECRET: process.env.VAGUS_CLUSTER_SECRET ?? secret(),
  VAGUS_JWT_SECRET: process.env.VAGUS_JWT_SECRET ?? secret(),
});
greet();
for await (const line of createInterface({ input: process.stdin })) {
  const name = line.trim();
  const child = parts.get(name)?.child;
  if (!child) console.log(`there is no ${name}; there are ${[...parts.keys()].join(', ')}`);
  else if (child.exitCode === null && child.signalCode === null)
    console.log(`${name} runs, as process ${child.pid}`);
  else console.log(`${name} runs again, as process ${(await start(name)).pid}`);
}
