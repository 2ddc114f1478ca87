import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { launchChromium } from '../support/chromium.ts';
import { TestClient } from '../support/client.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { ROOT } from '../support/source.ts';

let database: TestDatabase;
let child: ReturnType<typeof spawn>;
let base: string;
let browser: Browser;

beforeAll(async () => {
  database = await createDatabase();
  child = spawn(process.execPath, [`${ROOT}examples/own-server/server.mjs`], {
    env: { PATH: process.env['PATH'], PORT: '0', DATABASE_URL: database.url },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(child.stdout as NodeJS.ReadableStream, 'data')) as [Buffer];
  base = /http:\S+/.exec(line.toString())?.[0] ?? '';
  browser = await launchChromium();
}, 180_000);
afterAll(async () => {
  child.kill('SIGKILL');
  await browser.close();
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

/** The page of the example, by somebody. */
async function open(user: string): Promise<Page> {
  const page = await browser.newPage();
  page.on('dialog', (dialog) => void dialog.accept(user));
  await page.goto(base);
  return page;
}

const lines = async (page: Page): Promise<string[]> =>
  ((await page.locator('pre').textContent()) ?? '').split('\n');

test('examples/own-server: a page, tokens, and rooms with a say in them, on one server', async () => {
  expect((await fetch(`${base}/client/none.js`)).status).toBe(404);
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

  const page = await open('carol');
  await expect.poll(() => lines(page)).toContain('alice: ****, a darned tab');
  await page.locator('input').fill('seen');
  await page.keyboard.press('Enter');
  await bob.chat('lobby', 'seen');
  await expect.poll(() => lines(page)).toContain('carol: seen');

  child.kill('SIGTERM');
  expect(await bob.closed).toMatchObject({ code: 4003 });
  expect(await once(child, 'exit')).toEqual([0, null]);
});
