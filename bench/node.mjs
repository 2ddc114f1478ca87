import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));
export const canPin = cpus().length > 1 && process.platform === 'linux';

/** A command that runs on one core alone, where that can be said. */
export const pinned = (core, command) => (canPin ? ['taskset', '-c', String(core), ...command] : command);

/** One that nothing listens on: two benches may run beside each other. */
export function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** The built node (or another build: BENCH_CLI) on core 0, without limits of rate, on the database of DATABASE_URL. */
export async function startNode() {
  if (!process.env.DATABASE_URL) {
    console.error('bench: set DATABASE_URL to a PostgreSQL of which the schema "vagus" may be used');
    process.exit(1);
  }
  const secret = randomBytes(32).toString('hex');
  const [port, adminPort] = [await freePort(), await freePort()];
  const cli = process.env.BENCH_CLI ?? `${here}../dist/cli.js`;
  const [command, ...args] = pinned(0, [process.execPath, '--max-semi-space-size=64', cli, 'serve']);
  const node = spawn(command, args, {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: {
      ...process.env,
      VAGUS_JWT_SECRET: secret,
      VAGUS_PORT: String(port),
      VAGUS_ADMIN_PORT: String(adminPort),
      VAGUS_ROOMS_AUTO_CREATE: 'on',
      VAGUS_LOG_LEVEL: 'warn',
      // It is measured what a node can do, not what it lets one user do.
      VAGUS_CONNECTIONS_PER_SECOND: '0',
      VAGUS_CONNECTIONS_PER_USER: '0',
      VAGUS_MESSAGES_PER_MINUTE: '0',
      VAGUS_REQUESTS_PER_MINUTE: '0',
      VAGUS_SIGNALS_PER_SECOND: '0',
    },
  });
  const isReady = () =>
    fetch(`http://127.0.0.1:${adminPort}/readyz`).then(
      ({ ok }) => ok,
      () => false,
    );
  while (!(await isReady())) await new Promise((resolve) => setTimeout(resolve, 50));
  return {
    url: `ws://127.0.0.1:${port}/ws`,
    secret,
    /** Milliseconds of CPU since the start, of all its threads. */
    cpuMs: () =>
      readdirSync(`/proc/${node.pid}/task`).reduce(
        (sum, task) =>
          sum + Number(readFileSync(`/proc/${node.pid}/task/${task}/schedstat`, 'utf8').split(' ')[0]),
        0,
      ) / 1e6,
    rssMb: () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${node.pid}/status`, 'utf8'))?.[1]) / 1024,
    stop: () => {
      node.kill('SIGTERM');
      return new Promise((resolve) => node.once('exit', resolve));
    },
  };
}
