import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page, Route, WebSocketRoute } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { ChatPages, signIn } from '../support/chat-pages.ts';
import { NodeProcess } from '../support/node-process.ts';
import { freePort } from '../support/postgres-server.ts';

// What a server may refuse, put between it and the page: each is told in words, and the page goes on.

const folder = mkdtempSync(join(tmpdir(), 'vagus-refusals-'));
let pages: ChatPages;
let node: NodeProcess;

beforeAll(async () => {
  const port = await freePort();
  const environment = { VAGUS_DATA_DIR: folder, VAGUS_PORT: String(port) };
  [pages, node] = await Promise.all([ChatPages.launch(port), NodeProcess.start(['dev'], environment)]);
}, 180_000);

afterAll(async () => {
  await pages.close();
  await node.terminate();
  rmSync(folder, { recursive: true, force: true });
});

afterEach(async () => {
  expect(await pages.leave()).toEqual([]);
});

const TOO_MANY = { code: 'rate_limited', message: 'too many tokens for this address', retryAfterMs: 11_500 };

/** Gives no tokens, for `TOO_MANY`, as long as `isFull` says so. */
const crowded = (page: Page, isFull: () => boolean): Promise<unknown> =>
  page.route('**/dev/token', (route: Route) =>
    isFull() ? route.fulfill({ status: 429, json: TOO_MANY }) : route.continue(),
  );

test('no token, for a reason that is not the name: the reason is told, and the name stays', async () => {
  pages.expected = /status of (429|502)/;
  let isFull = true;
  const page = await pages.open({}, 'crowded', (opened) => crowded(opened, () => isFull));
  await signIn(page, 'ann');
  const told = 'The server does not let you in: too many tokens for this address. Try again in 12 s.';
  await page.getByText(told).waitFor();
  expect(await page.locator('#name').getAttribute('aria-invalid')).toBeNull();
  isFull = false;
  await page.keyboard.press('Enter');
  await page.locator('#draft:focus').waitFor();
  isFull = true;
  await page.reload();
  await page.getByText(told).waitFor();
  expect(await page.locator('#name').inputValue()).toBe('ann');
  await page.route('**/dev/token', (route) => route.fulfill({ status: 502, body: '<h1>Bad Gateway</h1>' }));
  await page.keyboard.press('Enter');
  await page.getByText('The server does not let you in: it answered 502.').waitFor();
});

test('no new token for a connection that was lost: the banner says why, until there is one', async () => {
  pages.expected = /status of 429/;
  let isFull = false;
  let socket: WebSocketRoute | undefined;
  const page = await pages.open({}, 'renewed', async (opened) => {
    await crowded(opened, () => isFull);
    await opened.routeWebSocket('**/ws', (route) => void (socket = route).connectToServer());
  });
  await signIn(page, 'ann');
  await page.locator('.state.alive').waitFor({ state: 'attached' });
  isFull = true;
  await socket?.close({ code: 4005, reason: 'token_expired' });
  await expect
    .poll(() => page.locator('#banner').textContent())
    .toMatch(/^Not connected \(no token could be had: too many tokens for this address\), trying again/);
  isFull = false;
  await page.locator('.state.alive').waitFor({ state: 'attached', timeout: 20_000 });
  await page.locator('#banner').waitFor({ state: 'hidden' });
}, 40_000);
