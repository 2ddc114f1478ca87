import axe, { type AxeResults } from 'axe-core';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { expect } from 'vitest';
import { launchChromium } from './chromium.ts';

/** Whoever opens the chat page of `vagus dev` in a test, each in a browser context of their own. */
export class ChatPages {
  /** What a console should not say. */
  complaints: string[] = [];
  /** What it may say: a browser complains of a server that is away, or refuses, whatever the page does. */
  expected: RegExp | undefined;
  readonly #browser: Browser;
  readonly #url: string;

  private constructor(browser: Browser, url: string) {
    this.#browser = browser;
    this.#url = url;
  }

  static async launch(port: number, options: Parameters<typeof launchChromium>[0] = {}): Promise<ChatPages> {
    return new ChatPages(await launchChromium(options), `http://127.0.0.1:${port}/`);
  }

  /** `prepare` is for what has to be there before the page is. */
  async open(
    options: BrowserContextOptions = {},
    room?: string,
    prepare: (page: Page) => Promise<unknown> = async () => {},
  ): Promise<Page> {
    const context = await this.#browser.newContext({ locale: 'en-GB', baseURL: this.#url, ...options });
    // The room that the tab was in last.
    if (room !== undefined) await context.addInitScript(`sessionStorage['vagus.room'] ??= '${room}'`);
    const page = await context.newPage();
    page.setDefaultTimeout(10_000);
    page.on('console', (message) => {
      const isTold = this.expected?.test(message.text());
      if (['error', 'warning'].includes(message.type()) && !isTold) this.complaints.push(message.text());
    });
    page.on('pageerror', (error) => this.complaints.push(String(error)));
    await prepare(page);
    await page.goto('/');
    return page;
  }

  /** Somebody in a room. */
  async enter(name: string, room: string, options: BrowserContextOptions = {}): Promise<Page> {
    const page = await this.open(options, room);
    await signIn(page, name);
    await expect.poll(() => page.locator('#room-title').textContent()).toBe(room);
    await page.locator('.state.alive').waitFor({ state: 'attached' });
    await page.getByText('Entering…').waitFor({ state: 'detached' });
    return page;
  }

  /** Ends the contexts of one test. Whoever calls it looks at the complaints. */
  async leave(): Promise<string[]> {
    await Promise.all(this.#browser.contexts().map((context) => context.close()));
    const { complaints } = this;
    this.complaints = [];
    this.expected = undefined;
    return complaints;
  }

  close(): Promise<void> {
    return this.#browser.close();
  }
}

export async function signIn(page: Page, name: string): Promise<void> {
  await page.locator('#name:focus').fill(name);
  await page.keyboard.press('Enter');
}

export async function write(page: Page, text: string): Promise<void> {
  await page.locator('#draft').fill(text);
  await page.keyboard.press('Enter');
}

export const contents = (page: Page): Promise<string[]> =>
  page.locator('.message .content').allTextContents();

/** What is hard to read or to use for somebody, by the rules of WCAG 2.2 AA: contrast, names, roles. */
export async function barriers(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate<AxeResults>(
    `axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] })`,
  );
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`),
  );
}
