import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { findOrInstall, findProgram } from './debian.ts';
import { freePort } from './postgres-server.ts';

/** A Redis of the tests' own: on a free port, with nothing on disk. */
export interface RedisServer {
  readonly port: number;
  readonly url: string;
  readonly process: ChildProcess;
  /** Calls one command, by a connection of its own. */
  call(command: string, ...args: readonly string[]): Promise<unknown>;
  /** It dies, with all that it has. */
  kill(): Promise<void>;
  /** It starts again at the same port, empty. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** The server's program is that of a tool in another package, under another name. */
function findRedis(): string {
  return findOrInstall({
    name: 'Redis',
    debianPackage: 'redis-tools',
    hint: 'put redis-server on the PATH',
    find: () =>
      findProgram(['redis-server', 'redis-check-rdb'], ['/usr/bin', '/opt/homebrew/bin', '/usr/local/bin']),
  });
}

export async function startRedis(settings: Readonly<Record<string, string>> = {}): Promise<RedisServer> {
  const folder = mkdtempSync(join(tmpdir(), 'vagus-redis-'));
  const port = await freePort();
  const all = { port: String(port), bind: '127.0.0.1', dir: folder, save: '', appendonly: 'no', ...settings };
  const args = Object.entries(all).flatMap(([name, value]) => [`--${name}`, value]);
  return serve({ port, folder, args, settings });
}

interface Serving {
  readonly port: number;
  readonly folder: string;
  readonly args: readonly string[];
  readonly settings?: Readonly<Record<string, string>>;
}

async function serve({ port, folder, args, settings = {} }: Serving): Promise<RedisServer> {
  const program = findRedis();
  const run = async (): Promise<ChildProcess> => {
    const started = spawn(program, args, { argv0: 'redis-server', stdio: 'ignore' });
    await isListening(port, started);
    return started;
  };
  let child = await run();
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGCONT');
    child.kill(signal);
    await ended;
  };
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    get process() {
      return child;
    },
    call: async (command, ...parts) => {
      const client = new Redis(port, '127.0.0.1', { ...accessOf(settings), retryStrategy: () => null });
      client.on('error', () => {});
      try {
        return await client.call(command, ...parts);
      } finally {
        client.disconnect();
      }
    },
    kill: () => end('SIGKILL'),
    restart: async () => {
      await end('SIGKILL');
      child = await run();
    },
    stop: async () => {
      await end('SIGKILL');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A sentinel that watches a master under the name `main`, alone. It writes into its own configuration. */
export async function startSentinel(master: RedisServer): Promise<RedisServer> {
  const folder = mkdtempSync(join(tmpdir(), 'vagus-sentinel-'));
  const port = await freePort();
  const file = join(folder, 'sentinel.conf');
  const lines = [
    `port ${port}`,
    `dir ${folder}`,
    `sentinel monitor main 127.0.0.1 ${master.port} 1`,
    'sentinel down-after-milliseconds main 1000',
    'sentinel failover-timeout main 5000',
  ];
  writeFileSync(file, `${lines.join('\n')}\n`);
  return serve({ port, folder, args: [file, '--sentinel'] });
}

function accessOf({ requirepass }: Readonly<Record<string, string>>): { readonly password?: string } {
  return requirepass === undefined ? {} : { password: requirepass };
}

/** Waits until it answers, be it with a refusal. */
async function isListening(port: number, child: ChildProcess): Promise<void> {
  for (let tries = 0; !(await answers(port)); tries++) {
    if (child.exitCode !== null || tries > 300) throw new Error('Redis did not start');
    await sleep(20);
  }
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('PING\r\n'));
    const end = (isThere: boolean): void => {
      socket.destroy();
      resolve(isThere);
    };
    socket.once('data', () => end(true)).once('error', () => end(false));
  });
}
