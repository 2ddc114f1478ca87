// Pictures of the chat page for the README: `npm run build && npm run screenshots`, with the Chromium of CHROMIUM_PATH or
// of Debian.
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const root = fileURLToPath(new URL('..', import.meta.url));
const images = `${root}docs/images`;
const folder = mkdtempSync(join(tmpdir(), 'vagus-screenshots-'));
const PORT = 18_080;
const URL_OF_PAGE = `http://127.0.0.1:${PORT}`;

const TALK = [
  ['mira', 'Morning! Release 2.4 is on the canary since 8:40, error rate flat so far.'],
  ['mira', 'Next step is 25 % at ten, if nobody objects.'],
  ['jonas', 'None from me. I watched the connection graph while it rolled, not even a dent.'],
  ['ada', 'Same here. Two of my tabs were on the node that restarted, both came back within a second.'],
  ['sven', 'Did anything get lost on the way?'],
  [
    'ada',
    'No. I wrote one message while it was down, it was kept and went out as soon as the node was back:',
  ],
  ['ada', 'once, and in its place'],
  ['jonas', 'Good, then let us go to 25 %'],
  ['mira', 'Going. I will post the numbers here at eleven.'],
];

mkdirSync(images, { recursive: true });
const server = spawn(process.execPath, [`${root}dist/cli/main.js`, 'dev'], {
  env: {
    PATH: process.env.PATH,
    VAGUS_DATA_DIR: folder,
    VAGUS_PORT: String(PORT),
    VAGUS_ADMIN_PORT: String(PORT + 1),
    VAGUS_LOG_LEVEL: 'warn',
  },
  stdio: ['ignore', 'ignore', 'inherit'],
});
const ended = new Promise((resolve) => server.once('exit', resolve));
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM_PATH ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update'],
});
try {
  while (!(await fetch(URL_OF_PAGE).catch(() => undefined))?.ok) await sleep(50);
  await takePictures();
} finally {
  await browser.close();
  server.kill('SIGTERM');
  await ended;
  rmSync(folder, { recursive: true, force: true });
}

async function takePictures() {
  const pages = new Map();
  for (const name of ['mira', 'jonas', 'sven']) pages.set(name, await enter(name, {}));
  const wide = { viewport: { width: 1200, height: 720 } };
  pages.set('ada', await enter('ada', { ...wide, colorScheme: 'light' }));
  for (const [room, name] of [
    ['deploys', 'jonas'],
    ['deploys', 'sven'],
    ['design', 'mira'],
  ]) {
    await open(pages.get(name), room);
    await open(pages.get(name), 'lobby');
  }
  await open(pages.get('ada'), 'deploys');
  await open(pages.get('ada'), 'lobby');
  for (const [name, text] of TALK) {
    await write(pages.get(name), text);
    for (const page of pages.values()) await said(page, text).waitFor();
  }
  await open(pages.get('jonas'), 'deploys');
  await write(pages.get('jonas'), 'api 2.4 to 25 %, started');
  await open(pages.get('jonas'), 'lobby');
  const dark = await enter('ada', { ...wide, colorScheme: 'dark' });
  const phone = await enter('sven', { viewport: { width: 360, height: 720 }, deviceScaleFactor: 1.5 });
  for (const [page, name] of [
    [pages.get('ada'), 'light'],
    [dark, 'dark'],
    [phone, 'phone'],
  ]) {
    await said(page, 'numbers here at eleven').waitFor();
    await page.locator('.state.alive').waitFor({ state: 'attached' });
    // The list of rooms is asked for every few seconds.
    await page.locator('.present').nth(1).waitFor({ state: 'attached' });
    await sleep(500);
    await pages.get('mira').locator('#draft').pressSequentially('Looks');
    await page.getByText('mira is typing').waitFor();
    await page.screenshot({ path: `${images}/chat-${name}.png` });
    await pages.get('mira').locator('#draft').fill('');
    await sleep(2_100);
  }
}

async function enter(name, options) {
  const context = await browser.newContext({ locale: 'en-GB', ...options });
  const page = await context.newPage();
  await page.goto(URL_OF_PAGE);
  await page.getByLabel('Your name').fill(name);
  await page.keyboard.press('Enter');
  await page.locator('.state.alive').waitFor({ state: 'attached' });
  return page;
}

async function open(page, room) {
  await page.getByLabel('Open a room').fill(room);
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: room, exact: true }).waitFor();
  await page.getByText('Entering…').waitFor({ state: 'detached' });
}

async function write(page, text) {
  await page.getByLabel('Message', { exact: true }).fill(text);
  await page.keyboard.press('Enter');
  await said(page, text).waitFor();
}

function said(page, text) {
  return page.locator('.content', { hasText: text });
}
