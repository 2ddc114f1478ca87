import { spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { signToken } from '../src/transport/auth/sign.ts';
import { TestClient } from './support/client.ts';
import { TestEngine } from './support/engine.ts';
import { ask } from './support/http.ts';
import { freePort, startPostgres, type PostgresServer } from './support/postgres-server.ts';
import { files, read, ROOT } from './support/source.ts';

// The programs in the documents are run as whoever copies them runs them: as files, in a folder that has the packages
// installed, against a real engine. Only the addresses are other ones.

const LINES_MAX = 20;
const SECRET = 'a secret of the tests, which nobody else has';

interface Block {
  readonly name: string;
  readonly code: string;
}

/** The blocks of JavaScript and TypeScript of a document, by its name and their place. */
function blocksOf(file: string, text = read(file)): Block[] {
  const found = [...text.matchAll(/^```(?:js|ts|mjs|javascript|typescript)\b[^\n]*\n(.*?)^```/gms)];
  return found.map(([, code = ''], at) => ({ name: `${file} ${at + 1}`, code }));
}

const BLOCKS = new Map(files('*.md').flatMap((file) => blocksOf(file).map(({ name, code }) => [name, code])));

/** What stands in a document, with what is another one here. */
function block(name: string, theirs: string, ours: string): string {
  const code = BLOCKS.get(name) ?? '';
  expect(code.split(theirs)).toHaveLength(2);
  return code.replace(theirs, ours);
}

/** A page has these; Node.js 20 has no WebSocket, and no address that `/token` belongs to. */
const PAGE = `
import { WebSocket } from 'ws';
globalThis.WebSocket ??= WebSocket;
const fetchAt = globalThis.fetch;
globalThis.fetch = async (url, init) =>
  url === '/token' ? new Response(process.env.TOKEN) : fetchAt(url, init);
`;

let folder: string;
let engine: TestEngine;
/** The programs allow no server without `fsync`. */
let database: PostgresServer;
let programs: Program[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'vagus-docs-'));
  mkdirSync(join(folder, 'node_modules'));
  const packages = { vagus: ROOT, 'vagus-client': `${ROOT}client`, ws: `${ROOT}node_modules/ws` };
  for (const [name, target] of Object.entries(packages))
    symlinkSync(target, join(folder, 'node_modules', name));
  writeFileSync(join(folder, 'page.mjs'), PAGE);
  [engine, database] = await Promise.all([TestEngine.start(), startPostgres({ fsync: 'on' })]);
});

afterEach(() => {
  for (const program of programs) program.child.kill('SIGKILL');
  programs = [];
});

afterAll(async () => {
  await engine.stop();
  await database.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** A program that runs, and all that it has said. */
class Program {
  readonly child: ChildProcess;
  output = '';
  /** Undefined while it runs. */
  code: number | null | undefined;

  constructor(code: string, environment: Readonly<Record<string, string>>, imports: readonly string[] = []) {
    const file = join(folder, `program-${programs.length}.mjs`);
    writeFileSync(file, code);
    this.child = spawn(process.execPath, [...imports.flatMap((name) => ['--import', name]), file], {
      cwd: folder,
      env: { PATH: process.env['PATH'], ...environment },
    });
    for (const stream of [this.child.stdout, this.child.stderr])
      stream?.on('data', (bytes: Buffer) => (this.output += bytes.toString()));
    this.child.once('close', (exit) => (this.code = exit));
    programs.push(this);
  }

  /** Resolves when it has said this; rejects when it ends without. */
  async says(text: RegExp): Promise<void> {
    const hasEnded = (): boolean => this.code !== undefined;
    await expect.poll(() => hasEnded() || text.test(this.output), { timeout: 15_000 }).toBe(true);
    if (!text.test(this.output)) throw new Error(`it ended with ${this.code}: ${this.output}`);
  }
}

test('every block of code in a document is run here, and is short', () => {
  expect([...BLOCKS.keys()]).toEqual([
    'README.md 1',
    'README.md 2',
    'client/README.md 1',
    'docs/client.md 1',
    'docs/client.md 2',
    'docs/library.md 1',
  ]);
  for (const [name, code] of BLOCKS)
    expect(code.trimEnd().split('\n').length, name).toBeLessThanOrEqual(LINES_MAX);
  expect(blocksOf('x', 'a\n```ts\nlet a;\n```\n```\nno code\n```\n```js x\nlet b;\n```\n')).toEqual([
    { name: 'x 1', code: 'let a;\n' },
    { name: 'x 2', code: 'let b;\n' },
  ]);
});

describe('clients', () => {
  const run = async (code: string, imports: readonly string[] = []): Promise<Program> =>
    new Program(code, { TOKEN: await engine.token('alice') }, imports);

  /** Writes what the program must show. */
  const write = async (content: string): Promise<void> => {
    const bob = await engine.join('bob', 'lobby');
    const id = randomUUID();
    expect(await bob.request({ type: 'chat', id, room: 'lobby', content })).toMatchObject({ type: 'ack' });
    await bob.close();
  };

  test('README.md: it connects, joins, sends, and shows what is written', async () => {
    const program = await run(block('README.md 1', 'ws://127.0.0.1:8080/ws', engine.engine.url));
    await program.says(/^stored as \d+$/m);
    await program.says(/^lobby alice: hello$/m);
    expect(program.output).toMatch(/^alive$/m);
    await write('hi, alice');
    await program.says(/^lobby bob: hi, alice$/m);
  });

  test.each(['client/README.md 1', 'docs/client.md 1', 'docs/client.md 2'])('%s: in a page', async (name) => {
    const program = await run(block(name, 'wss://chat.example.com/ws', engine.engine.url), ['./page.mjs']);
    await program.says(/^stored as \d+$/m);
    await write(`read by ${name}`);
    await program.says(new RegExp(`bob: read by ${name}$`, 'm'));
  });

  test.each([
    ['a name that is nowhere', '{ token }', '{ token: tokens }', 'tokens is not defined'],
    ['a method that is not there', 'client.join', 'client.enter', 'client.enter is not a function'],
    [
      'an export that is not there',
      '{ connect }',
      '{ open as connect }',
      "does not provide an export named 'open'",
    ],
  ])('a program with %s fails', async (_, right, wrong, why) => {
    const sound = `import { connect } from 'vagus-client';
import { WebSocket } from 'ws';
const token = process.env.TOKEN;
const client = connect('${engine.engine.url}', Object.assign({ token }, { WebSocket }));
await client.join('lobby');
console.log('joined');
`;
    await (await run(sound)).says(/^joined$/m);
    await expect((await run(sound.replace(right, wrong))).says(/^joined$/m)).rejects.toThrow(why);
  });
});

describe('servers', () => {
  const run = async (name: string): Promise<{ program: Program; port: number }> => {
    const port = await freePort();
    const code = block(name, 'server.listen(3000)', `server.listen(${port})`);
    const program = new Program(code, { JWT_SECRET: SECRET, DATABASE_URL: database.url });
    const isUp = async (): Promise<boolean> => {
      if (program.code !== undefined) throw new Error(`it ended with ${program.code}: ${program.output}`);
      return (await ask(port, '/healthz').catch(() => undefined))?.status === 200;
    };
    await expect.poll(isUp, { timeout: 20_000 }).toBe(true);
    return { program, port };
  };

  const connect = async (user: string, port: number): Promise<TestClient> => {
    const token = await signToken({ user, secret: SECRET, ttlMs: 3_600_000 });
    const client = await TestClient.open(`ws://127.0.0.1:${port}/ws`, { token });
    await client.welcome();
    return client;
  };

  test('README.md: rooms with a say in them beside pages of one’s own, and an end in order', async () => {
    const { program, port } = await run('README.md 2');
    expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBe(200);
    const [alice, mallory] = [await connect('alice', port), await connect('mallory', port)];
    expect(await alice.request({ type: 'join', room: 'lobby' })).toMatchObject({ type: 'ack' });
    for (const frame of [
      { type: 'join', room: 'lobby' },
      { type: 'chat', room: 'lobby', content: 'hear me' },
      { type: 'history', room: 'lobby' },
      { type: 'presence', room: 'lobby' },
      { type: 'create', access: 'public' },
    ])
      expect(await mallory.request(frame), frame.type).toMatchObject({ code: 'forbidden' });
    const token = await signToken({ user: 'mallory', secret: SECRET, ttlMs: 3_600_000 });
    expect((await ask(port, '/v1/rooms/lobby/messages', { token })).status).toBe(403);
    const chat = (content: string) => alice.request({ type: 'chat', room: 'lobby', content });
    expect(await chat('short')).toMatchObject({ type: 'ack' });
    expect(await chat('x'.repeat(501))).toMatchObject({
      code: 'forbidden',
      message: 'at most 500 characters',
    });
    program.child.kill('SIGTERM');
    expect(await mallory.closed).toMatchObject({ code: 4003 });
    expect(await once(program.child, 'exit')).toEqual([0, null]);
  });

  test('docs/library.md: a hook, and an event for a user', async () => {
    const { port } = await run('docs/library.md 1');
    expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toContain('own pages');
    const mallory = await connect('mallory', port);
    expect(await mallory.request({ type: 'join', room: 'lobby' })).toMatchObject({ code: 'forbidden' });
    const alice = await connect('alice', port);
    const invoices = async (): Promise<unknown> =>
      (await alice.request({ type: 'history', channel: 'user' }))['messages'];
    await expect.poll(invoices).toMatchObject([{ data: { invoice: 17 } }]);
  });
});
