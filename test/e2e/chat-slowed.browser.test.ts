import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { barriers, ChatPages, contents, write } from '../support/chat-pages.ts';
import { NodeProcess } from '../support/node-process.ts';
import { freePort } from '../support/postgres-server.ts';

// Who writes faster than a user may is told how long it takes, and everything is sent all the same.

const PER_MINUTE = 20;

const folder = mkdtempSync(join(tmpdir(), 'vagus-slowed-'));
let pages: ChatPages;
let node: NodeProcess;

beforeAll(async () => {
  const port = await freePort();
  const environment = {
    VAGUS_DATA_DIR: folder,
    VAGUS_PORT: String(port),
    VAGUS_MESSAGES_PER_MINUTE: String(PER_MINUTE),
  };
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

/** Keeps all that a live region and what is beside it have said, while the page lives. */
const LISTEN = `for (const id of ['slowed-said', 'slowed-seconds']) {
  const heard = (window[id] = []);
  const where = document.getElementById(id);
  new MutationObserver(() => heard.push(where.textContent)).observe(where, { childList: true });
}`;

test.each(['light', 'dark'] as const)(
  '[LM2] %s: who writes too fast sees for how long he is slowed down, and all is sent in order',
  async (colorScheme) => {
    const room = `slow-${colorScheme}`;
    const ben = await pages.enter(`ben-${colorScheme}`, room);
    const phone = { colorScheme, viewport: { width: 390, height: 844 } };
    const ann = await pages.enter(`ann-${colorScheme}`, room, phone);
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
  },
  60_000,
);
