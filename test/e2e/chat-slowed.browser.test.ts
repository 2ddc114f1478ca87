import { expect, test } from 'vitest';
import { barriers, contents, write } from '../support/chat-pages.ts';
import { devPages } from '../support/dev-pages.ts';

// Who writes faster than a user may is told how long it takes, and everything is sent all the same.

const PER_MINUTE = 20;

const dev = devPages({ VAGUS_MESSAGES_PER_MINUTE: String(PER_MINUTE) });

/** Keeps all that a live region and what is beside it have said, while the page lives. */
const LISTEN = `for (const id of ['slowed-said', 'slowed-seconds']) {
  const heard = (window[id] = []);
  const where = document.getElementById(id);
  new MutationObserver(() => heard.push(where.textContent)).observe(where, { childList: true });
}`;

async function isSlowedDown(colorScheme: 'light' | 'dark'): Promise<void> {
  const room = `slow-${colorScheme}`;
  const ben = await dev().enter(`ben-${colorScheme}`, room);
  const phone = { colorScheme, viewport: { width: 390, height: 844 } };
  const ann = await dev().enter(`ann-${colorScheme}`, room, phone);
  await ann.evaluate(LISTEN);
  const written = Array.from({ length: PER_MINUTE + 3 }, (_, at) => `message ${at + 1}`);
  for (const text of written) await write(ann, text);
  const slowed = ann.locator('#slowed-seconds');
  await expect.poll(() => slowed.textContent()).toMatch(/^Slowed down, \d+ s$/);
  expect(await ann.getByRole('status').textContent()).toContain('Slowed down: what you wrote');
  expect(await barriers(ann)).toEqual([]);
  await expect.poll(() => contents(ben), { timeout: 20_000 }).toEqual(written);
  await expect.poll(() => ann.locator('.message.own.sent').count()).toBe(written.length);
  expect(await contents(ann)).toEqual(written);
  await expect.poll(() => slowed.textContent()).toBe('');
  // The seconds are seen to pass, and that it is so is said once.
  expect(new Set(await ann.evaluate<string[]>('window["slowed-seconds"]')).size).toBeGreaterThan(4);
  expect(await ann.evaluate('window["slowed-said"]')).toEqual([
    'Slowed down: what you wrote is sent bit by bit.',
    '',
  ]);
}

// It takes the time of a few messages: in both colours at once.
test('[LM2] light and dark: a user who writes too fast sees how long to wait, and all messages are sent in order', async () => {
  await Promise.all([isSlowedDown('light'), isSlowedDown('dark')]);
}, 60_000);
