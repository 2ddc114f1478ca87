import type { Locator, Page, Route, WebSocketRoute } from 'playwright-core';
import { expect, test } from 'vitest';
import { contents, signIn, write } from '../support/chat-pages.ts';
import { devPages } from '../support/dev-pages.ts';

// What a server may refuse, put between it and the page: each is told in words, and the page goes on.

const dev = devPages();

const TOO_MANY = { code: 'rate_limited', message: 'too many tokens for this address', retryAfterMs: 11_500 };

/** Gives no tokens, for `TOO_MANY`, as long as `isFull` says so. */
const crowded = (page: Page, isFull: () => boolean): Promise<unknown> =>
  page.route('**/dev/token', (route: Route) =>
    isFull() ? route.fulfill({ status: 429, json: TOO_MANY }) : route.continue(),
  );

test('no token, for a reason that is not the name: the page shows the reason, and the name stays', async () => {
  dev().expected = /status of (429|502)/;
  let isFull = true;
  const page = await dev().open({}, 'crowded', (opened) => crowded(opened, () => isFull));
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
  dev().expected = /status of 429/;
  let isFull = false;
  let socket: WebSocketRoute | undefined;
  const page = await dev().open({}, 'renewed', async (opened) => {
    await crowded(opened, () => isFull);
    await opened.routeWebSocket('**/ws', (route) => void (socket = route).connectToServer());
  });
  await signIn(page, 'ann');
  await page.locator('.state.alive').waitFor({ state: 'attached' });
  isFull = true;
  await socket?.close({ code: 4005, reason: 'token_expired' });
  await expect
    .poll(() => page.locator('#banner').textContent())
    .toMatch(/^Not connected \(no token is available: too many tokens for this address\), trying again/);
  isFull = false;
  await page.locator('.state.alive').waitFor({ state: 'attached', timeout: 20_000 });
  await page.locator('#banner').waitFor({ state: 'hidden' });
}, 40_000);

/** What the page asks, answered with `internal` instead of being asked, as long as `isRefused` says so. */
const refusing =
  (isRefused: (frame: Asked) => boolean) =>
  (page: Page): Promise<void> =>
    page.routeWebSocket('**/ws', (socket) => {
      const server = socket.connectToServer();
      socket.onMessage((text) => {
        const frame = JSON.parse(String(text)) as Asked;
        if (!isRefused(frame)) return server.send(text);
        const why = `no ${frame.type} today`;
        socket.send(JSON.stringify({ type: 'error', id: frame.id, code: 'internal', message: why }));
      });
    });

interface Asked {
  readonly type: string;
  readonly id?: string;
  readonly room?: string;
}

const notice = (page: Page, hasText: string): Locator => page.locator('.notice', { hasText });
const text = (page: Page, id: string): Promise<string | null> => page.locator(`#${id}`).textContent();

test('the first room cannot be entered: why, and others can', async () => {
  const isRefused = ({ type, room }: Asked): boolean => type === 'join' && room === 'shut';
  const page = await dev().open({}, 'shut', refusing(isRefused));
  await signIn(page, 'ann');
  await notice(page, 'shut cannot be opened: no join today.').waitFor();
  expect(await text(page, 'spoken')).toBe('shut cannot be opened: no join today.');
  expect(await page.locator('#draft').isDisabled()).toBe(true);
  await page.locator('#messages:focus').waitFor();
  await page.locator('#room-name').fill('ajar');
  await page.keyboard.press('Enter');
  await page.locator('#draft:focus').waitFor();
  await write(page, 'in');
  await page.locator('.message.own.sent').waitFor();
  // What was there to say why is gone with the look at it.
  expect(await page.locator('#rooms', { hasText: 'shut' }).count()).toBe(0);
});

test('a room that is listed cannot be entered: why, on its page, until it can', async () => {
  const ben = await dev().enter('ben', 'listed');
  await write(ben, 'so it is a room');
  await ben.locator('.message.own.sent').waitFor();
  let isShut = true;
  const isRefused = ({ type, room }: Asked): boolean => isShut && type === 'join' && room === 'listed';
  const page = await dev().open({ viewport: { width: 390, height: 844 } }, 'here', refusing(isRefused));
  await signIn(page, 'ann');
  await page.getByText('There are no messages yet.').waitFor();
  await page.locator('#show-rooms').click();
  await page.locator('#rooms button', { hasText: 'listed' }).click();
  await notice(page, 'listed cannot be opened: no join today.').waitFor();
  expect(await page.locator('#rooms button', { hasText: 'listed' }).textContent()).toContain('not let in');
  isShut = false;
  await page.getByRole('button', { name: 'Try again' }).click();
  await page.locator('#draft:focus').waitFor();
  await write(page, 'in after all');
  await page.locator('.message.own.sent').waitFor();
});

test('history that cannot be read: why, once for each try, while the room is used', async () => {
  const ben = await dev().enter('ben', 'unread');
  await write(ben, 'said before');
  await ben.locator('.message.own.sent').waitFor();
  let asked = 0;
  let isShut = true;
  const isRefused = ({ type }: Asked): boolean => isShut && type === 'history' && ++asked > 0;
  const page = await dev().open({}, 'unread', refusing(isRefused));
  await signIn(page, 'ann');
  await notice(page, 'Messages cannot be read: no history today.').waitFor();
  await write(page, 'said now');
  await page.locator('.message.own.sent').waitFor();
  await notice(page, 'Older messages cannot be read: no history today.').waitFor();
  expect(asked).toBe(1);
  await page.getByRole('button', { name: 'Try again' }).click();
  await expect.poll(() => asked).toBe(2);
  isShut = false;
  await page.getByRole('button', { name: 'Try again' }).click();
  await expect.poll(() => contents(page)).toEqual(['said before', 'said now']);
  await page.getByText('The beginning of unread').waitFor();
});

test('lists that cannot be asked for say so, and are asked again', async () => {
  let isShut = true;
  const isRefused = ({ type }: Asked): boolean => isShut && (type === 'rooms' || type === 'presence');
  const page = await dev().open({}, 'lists', async (opened) => {
    await opened.clock.install();
    await refusing(isRefused)(opened);
  });
  await signIn(page, 'ann');
  await page.getByText('This list may have changed: no rooms today. It is asked again.').waitFor();
  await page.getByText('Who is here may have changed: no presence today. It is asked again.').waitFor();
  isShut = false;
  await page.clock.fastForward(5_000);
  await page.locator('.members .user', { hasText: 'ann' }).waitFor();
  await page.getByText('may have changed').first().waitFor({ state: 'detached' });
});

test('the page shows an error that the server sends unasked', async () => {
  let socket: WebSocketRoute | undefined;
  const page = await dev().open({}, 'told', async (opened) => {
    await opened.clock.install();
    await opened.routeWebSocket('**/ws', (route) => void (socket = route).connectToServer());
  });
  await signIn(page, 'ann');
  await page.getByText('There are no messages yet.').waitFor();
  socket?.send(JSON.stringify({ type: 'error', code: 'internal', message: 'a fault of the node' }));
  await expect.poll(() => text(page, 'banner')).toBe('Something went wrong: a fault of the node.');
  await page.clock.fastForward(5_000);
  expect(await page.locator('#banner').isVisible()).toBe(true);
  await page.clock.fastForward(5_000);
  await page.locator('#banner').waitFor({ state: 'hidden' });
});
