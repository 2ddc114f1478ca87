import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import { ChatPages } from './chat-pages.ts';
import { NodeProcess } from './node-process.ts';
import { freePort } from './postgres-server.ts';

/** A `vagus dev` of the test file's own, and browsers on its chat page, whose consoles must have complained of nothing. */
export function devPages(environment: NodeJS.ProcessEnv = {}): () => ChatPages {
  const folder = mkdtempSync(join(tmpdir(), 'vagus-dev-pages-'));
  let pages: ChatPages;
  let node: NodeProcess;

  beforeAll(async () => {
    const port = await freePort();
    const settings = { VAGUS_DATA_DIR: folder, VAGUS_PORT: String(port), ...environment };
    [pages, node] = await Promise.all([ChatPages.launch(port), NodeProcess.start(['dev'], settings)]);
  }, 180_000);

  afterAll(async () => {
    await pages.close();
    await node.terminate();
    rmSync(folder, { recursive: true, force: true });
  });

  afterEach(async () => {
    expect(await pages.leave()).toEqual([]);
  });

  return () => pages;
}
