import { spawn, type ChildProcess } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { signToken } from '../../src/transport/auth/sign.ts';
import { TestClient, type ConnectOptions } from './client.ts';
import { freePort } from './postgres-server.ts';
import { ROOT } from './source.ts';

export const SECRET = 'a secret of the tests, which nobody else has';

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Tests are fast, and all from one address: a limit is on where it is tested. */
const UNLIMITED = {
  VAGUS_CONNECTIONS_PER_SECOND: '0',
  VAGUS_CONNECTIONS_PER_USER: '0',
  VAGUS_MESSAGES_PER_MINUTE: '0',
  VAGUS_REQUESTS_PER_MINUTE: '0',
  VAGUS_SIGNALS_PER_SECOND: '0',
};

/** The built program as a process of its own, which can be killed. */
export class NodeProcess {
  readonly child: ChildProcess;
  readonly port: number;
  readonly adminPort: number;
  readonly ended: Promise<Ended>;
  stdout = '';
  stderr = '';

  private constructor(child: ChildProcess, port: number, adminPort: number) {
    this.child = child;
    this.port = port;
    this.adminPort = adminPort;
    child.stdout?.on('data', (chunk: Buffer) => (this.stdout += chunk.toString()));
    child.stderr?.on('data', (chunk: Buffer) => (this.stderr += chunk.toString()));
    this.ended = new Promise((resolve) => {
      child.once('close', (code, signal) =>
        resolve({ code, signal, stdout: this.stdout, stderr: this.stderr }),
      );
    });
  }

  /** Starts it, without waiting for anything. Of the environment only what is given, and what a process needs. */
  static async spawn(
    command: readonly string[],
    environment: Readonly<Record<string, string>> = {},
  ): Promise<NodeProcess> {
    const [port, adminPort] = [await freePort(), await freePort()];
    const env = {
      PATH: process.env['PATH'],
      VAGUS_PORT: String(port),
      VAGUS_ADMIN_PORT: String(adminPort),
      VAGUS_LOG_LEVEL: 'warn',
      // The tests' servers have it off.
      VAGUS_DATABASE_FSYNC_OFF: 'allow',
      ...UNLIMITED,
      ...environment,
    };
    const child = spawn(process.execPath, [`${ROOT}dist/cli/main.js`, ...command], {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    return new NodeProcess(child, Number(env.VAGUS_PORT), Number(env.VAGUS_ADMIN_PORT));
  }

  /** Starts it and waits until it is ready. */
  static async start(
    command: readonly string[],
    environment: Readonly<Record<string, string>>,
  ): Promise<NodeProcess> {
    const node = await NodeProcess.spawn(command, environment);
    for (;;) {
      if (node.child.exitCode !== null) throw new Error(`it ended at once: ${node.stderr}`);
      const ready = await fetch(`http://127.0.0.1:${node.adminPort}/readyz`).catch(() => undefined);
      if (ready?.ok) return node;
      await sleep(20);
    }
  }

  get url(): string {
    return `ws://127.0.0.1:${this.port}/ws`;
  }

  async connect(user: string, options: ConnectOptions = {}): Promise<TestClient> {
    const token = await signToken({ user, secret: SECRET, ttlMs: 3_600_000 });
    const client = await TestClient.open(this.url, { token, ...options });
    await client.welcome();
    return client;
  }

  async metrics(): Promise<string> {
    return (await fetch(`http://127.0.0.1:${this.adminPort}/metrics`)).text();
  }

  /** Ends it as nothing can be caught: `kill -9`. */
  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.ended;
  }

  async terminate(): Promise<Ended> {
    this.child.kill('SIGTERM');
    return this.ended;
  }
}
