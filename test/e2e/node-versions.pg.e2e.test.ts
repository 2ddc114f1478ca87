import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { TestEngine } from '../support/engine.ts';
import { nodeOf } from '../support/node-versions.ts';
import { ROOT } from '../support/source.ts';

// The client on the WebSocket of each Node.js that people have: that of `ws` on 20, their own on 22 and 24. They tell of a
// handshake that fails in different ways: 22 has an `error` and no `close`, 24 both, with an empty message.

type Mode = 'resets' | 'refuses' | 'says nothing' | 'passes';

const REFUSAL = JSON.stringify({ code: 'overloaded', message: 'full', retryAfterMs: 100 });

/** What stands before an engine, in whichever state. */
class Front {
  mode: Mode = 'resets';
  readonly #server: Server;
  readonly #links: { readonly client: Socket; readonly server: Socket }[] = [];

  private constructor(port: number) {
    this.#server = createServer((client) => this.#take(client, port));
  }

  static async before(port: number): Promise<Front> {
    const front = new Front(port);
    front.#server.listen(0, '127.0.0.1');
    await once(front.#server, 'listening');
    return front;
  }

  get url(): string {
    return `ws://127.0.0.1:${(this.#server.address() as AddressInfo).port}/ws`;
  }

  #take(client: Socket, port: number): void {
    client.on('error', () => {});
    if (this.mode === 'resets') return void client.resetAndDestroy();
    if (this.mode === 'says nothing') return void client.resume();
    if (this.mode === 'refuses') {
      const head = `HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\nconnection: close`;
      client.once('data', () => client.end(`${head}\r\ncontent-length: ${REFUSAL.length}\r\n\r\n${REFUSAL}`));
      return;
    }
    const server = connect(port, '127.0.0.1');
    server.on('error', () => {});
    client.pipe(server).pipe(client);
    this.#links.push({ client, server });
  }

  /** The other side is gone, and nobody has told this one. */
  halfOpen(): void {
    this.mode = 'says nothing';
    for (const { client, server } of this.#links.splice(0)) {
      client.unpipe(server);
      server.unpipe(client);
      client.resume();
      server.destroy();
    }
  }

  close(): void {
    this.#server.close();
  }
}

/** What a program has said so far, and what it says next. */
class Program {
  readonly child: ChildProcess;
  readonly #lines: Record<string, string>[] = [];
  #heard = (): void => {};

  constructor(binary: string, args: readonly string[]) {
    this.child = spawn(binary, [`${ROOT}test/support/node-client.mjs`, ...args], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    createInterface({ input: this.child.stdout! }).on('line', (line) => {
      this.#lines.push(JSON.parse(line) as Record<string, string>);
      this.#heard();
    });
  }

  /** The next line that has these; those before it are passed over. */
  async next(wanted: Record<string, unknown>): Promise<Record<string, string>> {
    for (;;) {
      const line = this.#lines.shift();
      if (!line) await new Promise<void>((resolve) => (this.#heard = resolve));
      else if (Object.entries(wanted).every(([name, value]) => line[name] === value)) return line;
    }
  }
}

let engine: TestEngine;
const programs: Program[] = [];

beforeAll(async () => {
  // Who is silent is asked after a second, and given up a second later.
  engine = await TestEngine.start({ heartbeatIntervalMs: 1_000, heartbeatTimeoutMs: 3_000 });
  for (const major of [22, 24]) nodeOf(major);
}, 300_000);

afterAll(async () => {
  for (const { child } of programs) child.kill('SIGKILL');
  await engine.stop();
});

test.concurrent.each([undefined, 22, 24])(
  '[HS3] Node.js %s (none: what runs the tests): refused, reset, silent and half-open servers; it comes back, and is closed',
  async (major) => {
    const binary = major === undefined ? process.execPath : nodeOf(major);
    const front = await Front.before(engine.engine.port);
    const user = `u${programs.length}`;
    const program = new Program(binary, [front.url, await engine.token(user), major ? 'own' : 'ws']);
    programs.push(program);
    await program.next({ state: 'waiting', code: 'unavailable' });
    front.mode = 'refuses';
    await program.next({ state: 'waiting', code: 'overloaded' });
    front.mode = 'says nothing';
    const silent = await program.next({ state: 'waiting', code: 'unavailable' });
    expect(silent['why']).toBe('the server does not answer');
    front.mode = 'passes';
    await program.next({ state: 'alive' });
    const joined = await program.next({});
    expect(Object.keys(joined)).toEqual(['joined']);
    front.halfOpen();
    await program.next({ state: 'suspect' });
    await program.next({ state: 'waiting' });
    front.mode = 'passes';
    await program.next({ state: 'alive' });
    const other = await engine.connect('other');
    await other.request({ type: 'chat', room: 'versions', content: user });
    other.terminate();
    await program.next({ content: user });

    front.halfOpen();
    const at = performance.now();
    program.child.stdin!.write('close\n');
    await program.next({ state: 'dead', code: 'closed' });
    // The one of Node.js itself cannot be ended without the other side: it holds the process, whoever closes it.
    if (major === undefined) expect(await once(program.child, 'exit')).toEqual([0, null]);
    expect(performance.now() - at).toBeLessThan(3_500);
    front.close();
  },
  90_000,
);
