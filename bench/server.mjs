import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { cpus } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

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

/** A program of Node.js on core 0, once it is ready. What it prints goes to stderr. */
export async function startServer({ program, env, isReady }) {
  const preload = ['--expose-gc', '--import', fileURLToPath(new URL('memory.mjs', import.meta.url))];
  const [command, ...args] = pinned(0, [process.execPath, ...preload, ...program]);
  const child = spawn(command, args, {
    stdio: ['ignore', 2, 2, 'ipc'],
    env: { ...process.env, ...env },
  });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  while (!(await isReady())) {
    if (child.exitCode !== null) throw new Error(`the server does not start: ${program.join(' ')}`);
    await sleep(50);
  }
  return {
    /** Milliseconds of CPU since the start, of all its threads. */
    cpuMs: () =>
      readdirSync(`/proc/${child.pid}/task`).reduce(
        (sum, task) =>
          sum + Number(readFileSync(`/proc/${child.pid}/task/${task}/schedstat`, 'utf8').split(' ')[0]),
        0,
      ) / 1e6,
    rssMb: () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1]) / 1024,
    /** `process.memoryUsage()` of it, after a collection of its garbage. */
    memory: () => {
      child.send('memory');
      return new Promise((resolve, reject) => {
        child.once('message', resolve);
        child.once('exit', () => reject(new Error('the server ended')));
      });
    },
    stop: () => {
      child.kill('SIGTERM');
      return ended;
    },
  };
}
