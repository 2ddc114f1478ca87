import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { TestClient } from '../support/client.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { ROOT } from '../support/source.ts';

let database: TestDatabase;
let child: ReturnType<typeof spawn>;
let base: string;

beforeAll(async () => {
  database = await createDatabase();
  child = spawn(process.execPath, [`${ROOT}examples/own-server/server.mjs`], {
    env: { PATH: process.env['PATH'], PORT: '0', DATABASE_URL: database.url },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(child.stdout as NodeJS.ReadableStream, 'data')) as [Buffer];
  base = /http:\S+/.exec(line.toString())?.[0] ?? '';
});
afterAll(async () => {
  child.kill('SIGKILL');
  await database.drop();
});

async function connect(user: string): Promise<TestClient> {
  const token = await (await fetch(`${base}/token?user=${user}`, { method: 'POST' })).text();
  // As the page does it.
  const client = await TestClient.open(`${base.replace('http', 'ws')}/ws`, {
    subprotocols: ['vagus.v1', `bearer.${token}`],
  });
  await client.welcome();
  return client;
}

test('examples/own-server: a page, tokens, and rooms with a say in them, on one server', async () => {
  const page = await fetch(base);
  expect(page.headers.get('content-type')).toBe('text/html');
  expect(await page.text()).toContain('vagus.v1');
  expect((await fetch(`${base}/elsewhere`)).status).toBe(404);
  expect((await fetch(`${base}/healthz`)).status).toBe(200);

  const alice = await connect('alice');
  const bob = await connect('bob');
  expect(await alice.request({ type: 'join', room: 'staff' })).toMatchObject({ type: 'ack' });
  expect(await bob.request({ type: 'join', room: 'staff' })).toMatchObject({ code: 'forbidden' });
  await bob.request({ type: 'join', room: 'lobby' });
  await alice.request({ type: 'chat', room: 'lobby', content: 'Darn, a darned tab' });
  await bob.chat('lobby', '****, a darned tab');
  expect(await (await fetch(`${base}/metrics`)).text()).toContain('vagus_connections 2');

  child.kill('SIGTERM');
  expect(await bob.closed).toMatchObject({ code: 4003 });
  expect(await once(child, 'exit')).toEqual([0, null]);
});
