import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ChatPages, contents, write } from '../support/chat-pages.ts';
import { NodeProcess, SECRET } from '../support/node-process.ts';
import { freePort } from '../support/postgres-server.ts';

// A browser keeps a page that was left by a link, asleep and with its WebSocket open, and shows it again as it was.

const folder = mkdtempSync(join(tmpdir(), 'vagus-back-'));
let pages: ChatPages;
let node: NodeProcess;

beforeAll(async () => {
  const port = await freePort();
  const started = NodeProcess.start(['dev'], {
    VAGUS_DATA_DIR: folder,
    VAGUS_JWT_SECRET: SECRET,
    VAGUS_PORT: String(port),
    VAGUS_PRESENCE_GRACE: '2s',
  });
  [pages, node] = await Promise.all([ChatPages.launch(port, { keepsPages: true }), started]);
}, 180_000);

afterAll(async () => {
  await pages.close();
  await node.terminate();
  rmSync(folder, { recursive: true, force: true });
});

const members = (page: Page): Promise<string[]> => page.locator('.members .user').allTextContents();

/** Leaves the page by a link, as people do. */
async function follow(page: Page, path: string): Promise<void> {
  await page.evaluate(`(() => {
    addEventListener('pageshow', ({ persisted }) => (window.wasKept = persisted));
    const link = document.createElement('a');
    link.href = '${path}';
    link.click();
  })()`);
  await page.waitForURL(`**${path}`);
}

test('[PU3] a user on another page is not present, and is back with the page, which has missed nothing', async () => {
  // What is no page has no icon either.
  pages.expected = /status of 404/;
  const ben = await pages.enter('ben', 'kept');
  const ann = await pages.enter('ann', 'kept');
  await write(ann, 'before');
  await expect.poll(() => contents(ben)).toEqual(['before']);
  await expect.poll(() => members(ben)).toEqual(['ann', 'ben']);

  await follow(ann, '/healthz');
  await ben.locator('.members .suspect', { hasText: 'ann' }).waitFor();
  await expect.poll(() => members(ben), { timeout: 15_000 }).toEqual(['ben']);
  await write(ben, 'meanwhile');
  await ben.locator('.message.own.sent').waitFor();

  await ann.goBack({ waitUntil: 'commit' });
  // Else it was loaded anew, and this shows nothing.
  expect(await ann.evaluate('window.wasKept')).toBe(true);
  await ann.locator('.state.alive').waitFor({ state: 'attached' });
  await expect.poll(() => contents(ann)).toEqual(['before', 'meanwhile']);
  await expect.poll(() => members(ben), { timeout: 15_000 }).toEqual(['ann', 'ben']);
  await write(ann, 'after');
  await expect.poll(() => contents(ben)).toEqual(['before', 'meanwhile', 'after']);

  // Again and again: each time it is one connection, not one more.
  for (const path of ['/readyz', '/healthz', '/readyz']) {
    await follow(ann, path);
    await ann.goBack({ waitUntil: 'commit' });
    await ann.locator('.state.alive').waitFor({ state: 'attached' });
  }
  await write(ann, 'last');
  await expect.poll(() => contents(ben)).toEqual(['before', 'meanwhile', 'after', 'last']);
  expect(await pages.leave()).toEqual([]);
}, 90_000);
