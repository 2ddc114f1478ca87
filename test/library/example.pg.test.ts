import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { launchChromium } from '../support/chromium.ts';
import { TestClient } from '../support/client.ts';
import { ask, upgrade } from '../support/http.ts';
import { startPostgres, type PostgresServer } from '../support/postgres-server.ts';
import { read, ROOT } from '../support/source.ts';

const EXAMPLE = 'examples/own-server';

/** The example allows no server without `fsync`. */
let database: PostgresServer;
let browser: Browser;
let folder: string;
const running: ChildProcess[] = [];

beforeAll(async () => {
  [database, browser] = await Promise.all([startPostgres({ fsync: 'on' }), launchChromium()]);
  folder = mkdtempSync(join(tmpdir(), 'vagus-example-'));
}, 180_000);
afterEach(() => {
  for (const child of running.splice(0)) child.kill('SIGKILL');
});
afterAll(async () => {
  await browser.close();
  await database.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** The example as a process, on the embedded database unless told. */
class Example {
  readonly child: ChildProcess;
  stdout = '';
  stderr = '';
  readonly ended: Promise<unknown[]>;

  constructor(environment: Readonly<Record<string, string>>, script = `${ROOT}${EXAMPLE}/server.mjs`) {
    const env = { PATH: process.env['PATH'], PORT: '0', DATA_DIR: join(folder, 'data'), ...environment };
    this.child = spawn(process.execPath, [script], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    this.child.stdout?.on('data', (chunk: Buffer) => (this.stdout += chunk.toString()));
    this.child.stderr?.on('data', (chunk: Buffer) => (this.stderr += chunk.toString()));
    this.ended = once(this.child, 'close');
    running.push(this.child);
  }

  /** Resolves when it is open. */
  static async start(environment: Readonly<Record<string, string>>, script?: string): Promise<Example> {
    const example = new Example(environment, script);
    await Promise.race([once(example.child.stdout as NodeJS.ReadableStream, 'data'), example.ended]);
    expect(example.complaints).toEqual([]);
    return example;
  }

  /** What it logs, but for what an ack is worth on the embedded database. */
  get complaints(): string[] {
    const isOfAcks = (line: string): boolean =>
      line.includes('the embedded database does not wait for the disk');
    return this.stderr.split('\n').filter((line) => line !== '' && !isOfAcks(line));
  }

  get base(): string {
    return /http:\S+/.exec(this.stdout)?.[0] ?? '';
  }

  async connect(user: string): Promise<TestClient> {
    const token = await (await fetch(`${this.base}/token?user=${user}`, { method: 'POST' })).text();
    // As the page does it.
    const client = await TestClient.open(`${this.base.replace('http', 'ws')}/ws`, {
      subprotocols: ['vagus.v1', `bearer.${token}`],
    });
    await client.welcome();
    return client;
  }

  /** The page of the example, by somebody. */
  async open(user: string): Promise<Page> {
    const page = await browser.newPage();
    page.on('dialog', (dialog) => void dialog.accept(user));
    await page.goto(this.base);
    return page;
  }
}

const lines = async (page: Page): Promise<string[]> =>
  ((await page.locator('pre').textContent()) ?? '').split('\n');

test('examples/own-server: a page, tokens, and rooms with a say in them, on one server', async () => {
  const example = await Example.start({ DATABASE_URL: database.url });
  expect((await fetch(`${example.base}/client/wire/frames.js`)).status).toBe(200);
  expect((await fetch(`${example.base}/client/none.js`)).status).toBe(404);
  expect((await fetch(`${example.base}/elsewhere`)).status).toBe(404);
  expect((await fetch(`${example.base}/healthz`)).status).toBe(200);

  const alice = await example.connect('alice');
  const bob = await example.connect('bob');
  await bob.request({ type: 'join', room: 'lobby' });
  await alice.request({ type: 'chat', room: 'lobby', content: 'Darn, a darned tab' });
  await bob.chat('lobby', '****, a darned tab');
  expect(await (await fetch(`${example.base}/metrics`)).text()).toContain('vagus_connections 2');

  const page = await example.open('carol&co');
  await expect.poll(() => lines(page)).toContain('alice: ****, a darned tab');
  await page.locator('input').fill('seen');
  await page.keyboard.press('Enter');
  await bob.chat('lobby', 'seen');
  await expect.poll(() => lines(page)).toContain('carol&co: seen');

  example.child.kill('SIGTERM');
  expect(await bob.closed).toMatchObject({ code: 4003 });
  expect(await example.ended).toEqual([0, null]);
  expect(example.stderr).toBe('');
});

test('examples/own-server: others cannot use the staff’s room; a banned user is in no room, reads, writes and makes nothing', async () => {
  const example = await Example.start({ DATABASE_URL: database.url });
  const [alice, bob, mallory] = await Promise.all(
    ['alice', 'bob', 'mallory'].map((user) => example.connect(user)),
  );
  const asked = [
    { type: 'join', room: 'staff' },
    { type: 'chat', room: 'staff', content: 'between us' },
    { type: 'history', room: 'staff' },
    { type: 'presence', room: 'staff' },
    { type: 'signal', room: 'staff', data: 1 },
  ];
  for (const frame of asked.slice(0, 4))
    expect(await alice!.request(frame), frame.type).not.toMatchObject({ type: 'error' });
  for (const frame of asked)
    expect(await bob!.request(frame), frame.type).toMatchObject({
      type: 'error',
      code: frame.type === 'signal' ? 'not_joined' : 'forbidden',
    });
  for (const frame of [
    { type: 'join', room: 'lobby' },
    { type: 'chat', room: 'lobby', content: 'hear me' },
    { type: 'history', room: 'lobby' },
    { type: 'presence', room: 'lobby' },
    { type: 'create', access: 'public' },
  ])
    expect(await mallory!.request(frame)).toMatchObject({ type: 'error', code: 'forbidden' });
});

test('examples/own-server: what is no address is answered with 400, and the process lives', async () => {
  const example = await Example.start({ DATABASE_URL: database.url });
  const port = Number(new URL(example.base).port);
  for (const target of ['//', '///', 'http://[', '//[/ws']) {
    expect((await ask(port, target)).status, target).toBe(400);
    expect([400, 404], target).toContain((await upgrade(port, target)).status);
  }
  expect((await fetch(`${example.base}/`)).status).toBe(200);
  expect(example.child.exitCode).toBeNull();
});

test('examples/own-server: a port that is taken is said in one line', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const { port } = other.address() as AddressInfo;
  const example = new Example({ PORT: String(port), DATABASE_URL: database.url });
  expect(await example.ended).toEqual([1, null]);
  expect(example.stderr).toBe(`port ${port} is taken: set PORT to another one\n`);
  expect(example.stdout).toBe('');
  other.close();
});

test('examples/own-server: a port that is none, too', async () => {
  const example = new Example({ PORT: 'abc' });
  expect(await example.ended).toEqual([1, null]);
  expect(example.stderr).toBe('PORT is abc, but must be a port: 0 to 65535\n');
});

test('examples/own-server: also with an unavailable database', async () => {
  const example = new Example({ DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none' });
  expect(await example.ended).toEqual([1, null]);
  expect(example.stderr.trimEnd().split('\n')).toHaveLength(1);
  expect(example.stderr).toContain('database');
});

test('examples/own-server: on the embedded database, until SIGINT, and again', async () => {
  const first = await Example.start({});
  const alice = await first.connect('alice');
  await alice.request({ type: 'join', room: 'staff' });
  await alice.request({ type: 'chat', room: 'staff', content: 'kept' });
  first.child.kill('SIGINT');
  expect(await alice.closed).toMatchObject({ code: 4003 });
  expect(await first.ended).toEqual([0, null]);
  expect(first.complaints).toEqual([]);
  expect(first.stderr.match(/an acked message survives/g)).toHaveLength(1);
  const second = await Example.start({});
  const again = await second.connect('alice');
  expect(await again.request({ type: 'history', room: 'staff' })).toMatchObject({
    messages: [{ content: 'kept' }],
  });
  second.child.kill('SIGTERM');
  expect(await second.ended).toEqual([0, null]);
}, 60_000);

test('examples/own-server: a copy runs with what its first lines install, and nothing else', async () => {
  const source = read(`${EXAMPLE}/server.mjs`);
  const copy = join(folder, 'copy');
  cpSync(`${ROOT}${EXAMPLE}`, copy, { recursive: true });
  const packages: Readonly<Record<string, string>> = {
    '../vagus': 'vagus',
    '../vagus/client': 'vagus-client',
  };
  const installed =
    /npm install (.*)/
      .exec(source)?.[1]
      ?.split(' ')
      .map((given) => packages[given] ?? given) ?? [];
  const imported = [...source.matchAll(/ from '([^']+)'/g)].map((match) => match[1]!);
  expect(installed.toSorted()).toEqual(imported.filter((name) => !name.startsWith('node:')).toSorted());
  mkdirSync(join(copy, 'node_modules'));
  for (const name of installed)
    symlinkSync(name === 'vagus' ? ROOT : `${ROOT}node_modules/${name}`, join(copy, 'node_modules', name));
  const example = await Example.start({ DATABASE_URL: database.url }, join(copy, 'server.mjs'));
  expect((await fetch(`${example.base}/client/index.js`)).status).toBe(200);
});
