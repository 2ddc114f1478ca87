import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { signToken } from '../../src/transport/auth/sign.ts';
import { barriers, ChatPages, contents, write } from '../support/chat-pages.ts';
import { createDatabase } from '../support/database.ts';
import { ask } from '../support/http.ts';
import { NodeProcess, SECRET } from '../support/node-process.ts';
import { freePort } from '../support/postgres-server.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';

const folder = mkdtempSync(join(tmpdir(), 'vagus-chat-'));
let pages: ChatPages;
let node: NodeProcess;
let port: number;

async function start(): Promise<void> {
  node = await NodeProcess.start(['dev'], {
    VAGUS_DATA_DIR: folder,
    VAGUS_JWT_SECRET: SECRET,
    VAGUS_PORT: String(port),
    VAGUS_PRESENCE_GRACE: '3s',
  });
}

beforeAll(async () => {
  port = await freePort();
  [pages] = await Promise.all([ChatPages.launch(port), start()]);
}, 180_000);

afterAll(async () => {
  await pages.close();
  await node.terminate();
  rmSync(folder, { recursive: true, force: true });
});

afterEach(async () => {
  expect(await pages.leave()).toEqual([]);
});

const openPage = (options?: BrowserContextOptions): Promise<Page> => pages.open(options);
const enter: ChatPages['enter'] = (...who) => pages.enter(...who);

const members = (page: Page): Promise<string[]> => page.locator('.members .user').allTextContents();
const states = (page: Page): Promise<string[]> => page.locator('.members .member-state').allTextContents();
const stored = (page: Page): Promise<number> => page.locator('.message.own.sent').count();

const focused = (page: Page): Promise<string> => page.evaluate('document.activeElement.id');
const sending = (page: Page): Promise<number> => page.locator('.message.own.sending').count();

/** What is stored of a room, asked of the server itself. */
async function log(room: string): Promise<string[]> {
  const token = await signToken({ user: 'auditor', secret: SECRET, ttlMs: 60_000 });
  const { body } = await ask(port, `/v1/rooms/${room}/messages?limit=200`, { token });
  return (body as { messages: { content: string }[] }).messages.map(({ content }) => content);
}

/** Pixels by which the page is wider than the screen. */
const overflow = (page: Page): Promise<number> =>
  page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth');

describe('the chat page of vagus dev', () => {
  test('two tabs see each other, what they write, and that they write', async () => {
    const ann = await enter('ann', 'two-tabs');
    const ben = await enter('ben', 'two-tabs');
    await expect.poll(() => members(ann)).toEqual(['ann', 'ben']);
    await expect.poll(() => members(ben)).toEqual(['ann', 'ben']);
    await ben.locator('#draft').pressSequentially('<b>hi</b> & so on');
    await ann.getByText('ben is typing…').waitFor();
    await ben.keyboard.press('Enter');
    await expect.poll(() => contents(ann)).toEqual(['<b>hi</b> & so on']);
    await expect.poll(() => ann.locator('#typing').textContent()).toBe('');
    expect(await ann.locator('#spoken').textContent()).toBe('ben: <b>hi</b> & so on');
    await write(ann, 'hello');
    await expect.poll(() => contents(ben)).toEqual(['<b>hi</b> & so on', 'hello']);
    await expect.poll(() => stored(ann)).toBe(1);
    await expect.poll(() => ann.locator('.rooms [aria-current]').textContent()).toContain('two-tabs');
    await ben.context().close();
    await ann.locator('.members .suspect', { hasText: 'ben' }).waitFor();
    await expect.poll(() => members(ann), { timeout: 15_000 }).toEqual(['ann']);
  });

  test.each(['light', 'dark'] as const)('%s: nothing that is hard to read or to use', async (colorScheme) => {
    const door = await openPage({ colorScheme });
    await door.locator('#name:focus').waitFor();
    expect(await barriers(door)).toEqual([]);
    const room = `barriers-${colorScheme}`;
    const ann = await enter('ann', room, { colorScheme });
    const ben = await enter('ben', room, { colorScheme, viewport: { width: 390, height: 844 } });
    await write(ann, 'hello');
    await write(ben, 'hi');
    await expect.poll(() => contents(ann)).toEqual(['hello', 'hi']);
    await expect.poll(() => stored(ann)).toBe(1);
    expect(await barriers(ann)).toEqual([]);
    expect(await barriers(ben)).toEqual([]);
  });

  test('[DG1] [DG3] [DG4] kill -9 with messages under way: tabs come back, and show each once, none missing, in order', async () => {
    const proxy = await TcpProxy.to(node.url);
    const options = { baseURL: proxy.through(`http://127.0.0.1:${port}/`) };
    const [ann, ben] = [await enter('ann', 'killed', options), await enter('ben', 'killed', options)];
    const both = [ann, ben];
    const writeBoth = async (text: string): Promise<void> => {
      await Promise.all([write(ann, `ann: ${text}`), write(ben, `ben: ${text}`)]);
    };
    await write(ann, 'before');
    await expect.poll(() => contents(ben)).toEqual(['before']);
    await expect.poll(() => stored(ann)).toBe(1);
    await expect.poll(() => states(ann)).toEqual(['alive', 'alive']);

    // From here on no answer comes through. Some are stored, and nobody has been told.
    proxy.hold('toClient');
    await writeBoth('stored');
    await expect.poll(() => log('killed')).toHaveLength(3);
    // Some are wherever a node may have them, and some wait in the socket of a process that does not read any more.
    await writeBoth('somewhere');
    node.child.kill('SIGSTOP');
    await writeBoth('unread');
    for (const page of both) {
      await expect.poll(() => sending(page)).toBe(3);
      expect(await page.locator('.state.alive').count()).toBe(1);
    }
    expect([await stored(ann), await stored(ben)]).toEqual([1, 0]);
    // 426: it is back by the time the page asks why a handshake failed (HS3).
    pages.expected = /ERR_(CONNECTION|EMPTY|SOCKET)_|WebSocket connection to|status of 426/;
    await node.kill();
    await expect.poll(() => ann.locator('#banner').textContent()).toMatch(/^Connection lost, trying again/);
    await ben.locator('#banner').waitFor();
    // Nobody is there any more whom the answers that were held could reach.
    proxy.release('toClient');

    expect(await states(ann)).toEqual(['not known', 'not known']);
    expect(await ann.locator('#rooms .present').count()).toBe(0);
    for (const text of ['one', 'two', 'three']) await write(ann, `ann: ${text}, while it was away`);
    await expect.poll(() => sending(ann)).toBe(6);
    await expect.poll(() => ann.locator('#banner').textContent()).toContain('Your 6 messages are kept');
    await start();
    const ofBen = ['stored', 'somewhere', 'unread'];
    const ofAnn = [...ofBen, ...['one', 'two', 'three'].map((text) => `${text}, while it was away`)];
    for (const page of both) {
      await page.locator('.state.alive').waitFor({ state: 'attached', timeout: 20_000 });
      await expect.poll(() => contents(page), { timeout: 10_000 }).toHaveLength(10);
      await page.locator('#banner').waitFor({ state: 'hidden' });
      await expect.poll(() => members(page), { timeout: 10_000 }).toEqual(['ann', 'ben']);
      await expect.poll(() => states(page), { timeout: 10_000 }).toEqual(['alive', 'alive']);
    }
    pages.expected = undefined;
    await expect.poll(() => Promise.all(both.map(stored))).toEqual([7, 3]);
    // What was written is there once, in the order of who wrote it, and both tabs and the log say the same.
    const all = await contents(ann);
    const of = (name: string): string[] => all.filter((text) => text.startsWith(`${name}: `));
    expect(all[0]).toBe('before');
    expect(of('ann')).toEqual(ofAnn.map((text) => `ann: ${text}`));
    expect(of('ben')).toEqual(ofBen.map((text) => `ben: ${text}`));
    expect(await contents(ben)).toEqual(all);
    expect(await log('killed')).toEqual(all);

    await write(ben, 'after');
    await expect.poll(() => contents(ann)).toEqual([...all, 'after']);
    await ben.reload();
    await expect.poll(() => contents(ben)).toEqual([...all, 'after']);
    for (const page of both) await page.context().close();
    await proxy.close();
  }, 90_000);

  test('older messages come when one scrolls up, without losing the place', async () => {
    const ann = await node.connect('ann');
    for (let at = 1; at <= 90; at++)
      expect(await ann.request({ type: 'chat', room: 'long', content: `line ${at}` })).toMatchObject({
        seq: at,
      });
    ann.terminate();
    const ben = await enter('ben', 'long');
    await expect.poll(async () => (await contents(ben)).length).toBe(40);
    expect((await contents(ben)).at(-1)).toBe('line 90');
    await ben.locator('#messages').focus();
    await ben.keyboard.press('Home');
    await expect.poll(async () => (await contents(ben)).length).toBeGreaterThanOrEqual(80);
    await expect.poll(() => ben.getByText('line 51', { exact: true }).isVisible()).toBe(true);
    await ben.keyboard.press('Home');
    await expect.poll(() => contents(ben)).toEqual(Array.from({ length: 90 }, (_, at) => `line ${at + 1}`));
  });

  test('on a phone nothing is wider than the screen, and panels open and close', async () => {
    const ann = await enter('ann-with-a-name-that-is-long', 'phone', {
      viewport: { width: 360, height: 640 },
    });
    await write(ann, `a word as long as ${'this'.repeat(60)}`);
    await ann.locator('.message.own.sent').waitFor();
    expect(await overflow(ann)).toBe(0);
    expect(await ann.locator('#rooms-panel').isVisible()).toBe(false);
    await ann.getByRole('button', { name: 'Rooms' }).click();
    expect(await ann.getByLabel('Open a room').isVisible()).toBe(true);
    expect(await overflow(ann)).toBe(0);
    await ann.keyboard.press('Escape');
    expect(await ann.locator('#rooms-panel').isVisible()).toBe(false);
    expect(await focused(ann)).toBe('show-rooms');
    await ann.locator('#show-people').click();
    expect(await ann.locator('.chart .node.lit').textContent()).toBe('alive');
    expect(await overflow(ann)).toBe(0);
  });

  test('the page is as tall as the screen, and one’s own messages end at one edge', async () => {
    const ann = await enter('ann', 'edges', { viewport: { width: 1200, height: 720 } });
    await write(ann, 'short');
    await write(ann, 'a sentence that goes on and on '.repeat(12));
    await expect.poll(() => stored(ann)).toBe(2);
    const beyond = 'document.documentElement.scrollHeight - document.documentElement.clientHeight';
    expect(await ann.evaluate(beyond)).toBe(0);
    const edges = await ann.evaluate<number[]>(
      `[...document.querySelectorAll('.own .content')].map((bubble) => bubble.getBoundingClientRect().right)`,
    );
    expect(edges).toHaveLength(2);
    expect(edges[0]).toBe(edges[1]);
  });

  test('on a phone a tap beside an open panel closes it, and does nothing else', async () => {
    const ann = await enter('ann', 'beside', { viewport: { width: 390, height: 844 }, hasTouch: true });
    const [rooms, people] = [ann.locator('#rooms-panel'), ann.locator('#people-panel')];
    await ann.locator('#draft').fill('not yet');
    await ann.locator('#show-rooms').tap();
    // Where the button is that sends.
    await ann.touchscreen.tap(370, 820);
    await rooms.waitFor({ state: 'hidden' });
    expect(await focused(ann)).toBe('show-rooms');
    expect(await ann.locator('.message').count()).toBe(0);
    await ann.locator('#show-people').tap();
    await people.waitFor();
    expect(await barriers(ann)).toEqual([]);
    await ann.touchscreen.tap(20, 400);
    await people.waitFor({ state: 'hidden' });
    expect(await focused(ann)).toBe('show-people');
    await ann.locator('#show-people').tap();
    await ann.getByRole('button', { name: 'Close' }).tap();
    await people.waitFor({ state: 'hidden' });
    await ann.getByRole('button', { name: 'Send' }).tap();
    await expect.poll(() => contents(ann)).toEqual(['not yet']);
    // What was left open is no bar to what is beside it on a wider screen.
    await ann.locator('#show-rooms').tap();
    await ann.setViewportSize({ width: 1200, height: 800 });
    await ann.locator('main.chat[inert]').waitFor({ state: 'detached' });
    await write(ann, 'wide');
    await expect.poll(() => contents(ann)).toEqual(['not yet', 'wide']);
  });

  test('on a phone the keyboard goes into the panel that is opened, stays there, and comes back', async () => {
    const ann = await enter('ann', 'tabs', { viewport: { width: 390, height: 844 } });
    const isInside = (panel: string): Promise<boolean> =>
      ann.evaluate(
        `document.activeElement === document.body || !!document.activeElement.closest('#${panel}')`,
      );
    for (const [button, panel] of [
      ['show-rooms', 'rooms-panel'],
      ['show-people', 'people-panel'],
    ] as const) {
      await ann.locator(`#${button}`).focus();
      await ann.keyboard.press('Enter');
      expect(await ann.locator(`#${panel} :focus`).count()).toBe(1);
      expect(await ann.locator(`#${button}`).getAttribute('aria-expanded')).toBe('true');
      for (const key of ['Tab', 'Shift+Tab'])
        for (let presses = 0; presses < 8; presses++) {
          await ann.keyboard.press(key);
          expect(await isInside(panel), `${key} in ${panel}`).toBe(true);
        }
      await ann.keyboard.press('Escape');
      expect(await focused(ann)).toBe(button);
      expect(await ann.locator(`#${button}`).getAttribute('aria-expanded')).toBe('false');
    }
    await ann.locator('#show-rooms').click();
    await ann.getByLabel('Open a room').fill('elsewhere');
    await ann.keyboard.press('Enter');
    await ann.locator('#draft:focus').waitFor();
    expect(await ann.locator('#rooms-panel').isVisible()).toBe(false);
  });

  test('no field is so small that a phone zooms in on it', async () => {
    const ann = await enter('ann', 'sizes', { viewport: { width: 390, height: 844 } });
    const found = await ann.evaluate<number[]>(
      `[...document.querySelectorAll('input, textarea')].map((field) => parseFloat(getComputedStyle(field).fontSize))`,
    );
    expect(found).toHaveLength(3);
    expect(Math.min(...found)).toBeGreaterThanOrEqual(16);
  });

  test('by keyboard alone: a name, a room, a message, another line', async () => {
    const ann = await openPage();
    await ann.keyboard.type('ann');
    await ann.keyboard.press('Enter');
    await ann.locator('#draft:focus').waitFor();
    for (let tabs = 0; tabs < 20; tabs++) {
      await ann.keyboard.press('Shift+Tab');
      if ((await focused(ann)) === 'room-name') break;
    }
    await ann.keyboard.type('no blanks please');
    await ann.keyboard.press('Enter');
    await ann.getByText(/cannot be opened: a name is/).waitFor();
    await ann.keyboard.type('keys');
    await ann.keyboard.press('Enter');
    await ann.locator('#draft:focus').waitFor();
    await ann.keyboard.type('first');
    await ann.keyboard.press('Shift+Enter');
    await ann.keyboard.type('second');
    await ann.keyboard.press('Enter');
    await expect.poll(() => contents(ann)).toEqual(['first\nsecond']);
    expect(await ann.locator('#room-title').textContent()).toBe('keys');
  });

  test('dark where the system is dark', async () => {
    const background = (page: Page): Promise<string> =>
      page.evaluate('getComputedStyle(document.body).backgroundColor');
    const [light, dark] = [await openPage({ colorScheme: 'light' }), await openPage({ colorScheme: 'dark' })];
    expect(await background(light)).toBe('rgb(243, 244, 247)');
    expect(await background(dark)).toBe('rgb(16, 18, 23)');
  });

  test('a name that the server refuses: why, in plain words', async () => {
    pages.expected = /status of 400/;
    const page = await openPage();
    await page.locator('#name').fill('Ann Smith');
    await page.keyboard.press('Enter');
    await page.getByText('A name has no blanks.').waitFor();
    await page.locator('#name').fill('x'.repeat(256));
    expect(await page.locator('#name-error').textContent()).toBe('');
    await page.keyboard.press('Enter');
    await page.getByText('This name is unavailable: user must be 1 to 255 printable characters').waitFor();
    expect(await page.locator('#app').isVisible()).toBe(false);
  });

  test('a text that cannot be a room’s name stays in its field, with an error', async () => {
    const ann = await enter('ann', 'names');
    const field = ann.locator('#room-name');
    await field.fill('no room');
    await ann.keyboard.press('Enter');
    await ann.getByText('no room cannot be opened: a name is 1 to 64 of A-Z a-z 0-9 _ -').waitFor();
    expect(await field.inputValue()).toBe('no room');
    expect(await ann.locator('#room-name:focus').count()).toBe(1);
    expect(await ann.locator('#room-title').textContent()).toBe('names');
    await ann.keyboard.type('a-room');
    expect(await ann.locator('#room-error').textContent()).toBe('');
    await ann.keyboard.press('Enter');
    await expect.poll(() => ann.locator('#room-title').textContent()).toBe('a-room');
    expect(await field.inputValue()).toBe('');
  });

  test('a message that is too long is not lost: it can be edited', async () => {
    const ann = await enter('ann', 'too-long');
    const long = 'x'.repeat(70_000);
    await write(ann, long);
    await ann.getByRole('button', { name: 'Edit' }).click();
    await expect.poll(() => ann.locator('#draft').inputValue()).toBe(long);
    expect(await ann.locator('.message').count()).toBe(0);
    await write(ann, 'short');
    await expect.poll(() => stored(ann)).toBe(1);
  });

  test('on the chart no arrow reaches into a state', async () => {
    const ann = await enter('ann', 'chart');
    const distances = await ann.evaluate<number[]>(`(() => {
      const boxes = [...document.querySelectorAll('.chart rect')].map((box) => box.getBBox());
      return [...document.querySelectorAll('.chart .way')].flatMap((way) => {
        const { x, y } = way.getPointAtLength(way.getTotalLength());
        return boxes.map((box) => {
          const radius = box.height / 2;
          const middle = Math.min(Math.max(x, box.x + radius), box.x + box.width - radius);
          return Math.hypot(x - middle, y - box.y - radius) - radius;
        });
      });
    })()`);
    expect(distances.length).toBeGreaterThan(40);
    expect(Math.min(...distances)).toBeGreaterThan(2.5);
  });

  test('inline scripts do not run, and a complaint of the console is noticed', async () => {
    const page = await openPage();
    await page.evaluate(`
      const script = document.createElement('script');
      script.textContent = 'document.title = "inline"';
      document.body.append(script);
    `);
    await expect.poll(() => pages.complaints.join()).toContain('Content Security Policy');
    expect(await page.title()).toBe('Vagus chat');
    pages.complaints = [];
  });
});

describe('what serves it', () => {
  test('the greeting names the page first', async () => {
    await expect
      .poll(() => node.stdout.trimStart())
      .toMatch(/^Open http:\/\/127\.0\.0\.1:\d+ in two tabs and chat\n/);
  });

  test('files are asked for again, unchanged ones not sent again, and no path leads out', async () => {
    const { status, headers } = await fetch(`http://127.0.0.1:${port}/chat/icon.svg`);
    expect(status).toBe(200);
    expect(Object.fromEntries(headers)).toMatchObject({
      'content-type': 'image/svg+xml',
      'cache-control': 'no-cache',
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
    });
    expect(headers.get('content-security-policy')).toMatch(
      /^default-src 'self'; connect-src 'self' ws: wss:;/,
    );
    const again = await ask(port, '/chat/icon.svg', {
      headers: { 'if-none-match': headers.get('etag') ?? '' },
    });
    expect(again.status).toBe(304);
    for (const path of ['/chat/../../cli.js', '/chat/%2e%2e/%2e%2e/cli.js', '/chat/tsconfig.json', '/chat/'])
      expect((await ask(port, path)).status, path).toBe(404);
  });

  const own = (): Record<string, string> => ({
    host: `127.0.0.1:${port}`,
    origin: `http://127.0.0.1:${port}`,
    'sec-fetch-site': 'same-origin',
  });
  const token = (headers: Record<string, string>, body: unknown = { user: 'ann' }) =>
    ask(port, '/dev/token', { method: 'POST', headers, body });

  test('the page gets tokens, and no other origin does', async () => {
    expect(await token(own())).toMatchObject({ status: 200, body: { token: expect.any(String) } });
    const strangers = {
      'a foreign page': { ...own(), origin: 'https://example.com', 'sec-fetch-site': 'cross-site' },
      'a page of another port': { ...own(), origin: 'http://127.0.0.1:1', 'sec-fetch-site': 'same-site' },
      'a page without an origin': { ...own(), origin: 'null' },
      'a name that was pointed here': {
        ...own(),
        host: `evil.example:${port}`,
        origin: `http://evil.example:${port}`,
      },
      'a name that begins alike': {
        ...own(),
        host: '127.0.0.1.evil.example',
        origin: 'http://127.0.0.1.evil.example',
      },
      'what is no page': { host: `127.0.0.1:${port}`, 'sec-fetch-site': 'same-origin' },
      'who comes through a tunnel': { ...own(), 'x-forwarded-for': '203.0.113.9' },
      'who comes through a proxy': { ...own(), forwarded: 'for=203.0.113.9' },
      'a browser that says so': { ...own(), 'sec-fetch-site': 'cross-site' },
    };
    for (const [who, headers] of Object.entries(strangers))
      expect(await token(headers), who).toMatchObject({ status: 403, body: { code: 'origin_not_allowed' } });
    for (const body of [{ user: 'a b' }, { user: 7 }, {}, '[]', 'x', { user: 'a'.repeat(2_000) }])
      expect([400, 413]).toContain((await token(own(), body)).status);
    expect(await token({ ...own(), 'content-type': 'text/plain' })).toMatchObject({
      body: { code: 'bad_request' },
    });
  });

  test('vagus serve has no page and gives no tokens', async () => {
    const database = await createDatabase();
    const server = await NodeProcess.start(['serve'], {
      DATABASE_URL: database.url,
      VAGUS_JWT_SECRET: SECRET,
      VAGUS_HOST: '127.0.0.1',
    });
    for (const path of ['/', '/chat/main.js', '/client/index.js'])
      expect((await ask(server.port, path)).status).toBe(404);
    const host = `127.0.0.1:${server.port}`;
    const headers = { ...own(), host, origin: `http://${host}` };
    const refused = await ask(server.port, '/dev/token', { method: 'POST', headers, body: { user: 'ann' } });
    expect(refused.status).toBe(404);
    await server.terminate();
    await database.drop();
  });
});
