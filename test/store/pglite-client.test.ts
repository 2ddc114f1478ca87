import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { PgliteClient } from '../../src/store/postgres/pglite-client.ts';
import type { SqlError } from '../../src/store/postgres/sql-client.ts';
import { ROOT } from '../support/source.ts';

const parent = mkdtempSync(join(tmpdir(), 'vagus-folder-'));
afterAll(() => rmSync(parent, { recursive: true, force: true }));

let folder: string;
const ends: string[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(parent, 'folder-'));
  ends.length = 0;
});

const onEnd = (error: Error): void => void ends.push(error.message);

describe('[D19] the folder of the embedded store', () => {
  test('[D19] a second process cannot open it and gets the first one’s name; after the first it is free', async () => {
    const first = await PgliteClient.open({ folder, onEnd });
    await expect(PgliteClient.open({ folder, onEnd })).rejects.toThrow(
      `${folder} is in use by process ${process.pid}`,
    );
    await first.close();
    const second = await PgliteClient.open({ folder, onEnd });
    await second.close();
    expect(ends).toEqual([]);
  });

  test('only its owner may enter it', async () => {
    const inner = join(folder, 'new');
    const client = await PgliteClient.open({ folder: inner, onEnd });
    expect(statSync(inner).mode & 0o777).toBe(0o700);
    expect(readFileSync(join(inner, 'lock'), 'utf8')).toMatch(/^process \d+, started /);
    await client.close();
  });

  test('a folder of another version of PostgreSQL does not open, and stays as it is', async () => {
    mkdirSync(join(folder, 'pgdata'));
    writeFileSync(join(folder, 'pgdata', 'PG_VERSION'), '17\n');
    await expect(PgliteClient.open({ folder, onEnd })).rejects.toThrow('was made by PostgreSQL 17');
  });
});

describe.concurrent('a thread that misbehaves', () => {
  const workerFile = `${ROOT}test/fixtures/pglite/mortal-worker.mjs`;
  /** A client with a folder of its own: a close that waits its 10 s out does so beside the other tests. */
  const open = (told = onEnd): Promise<PgliteClient> =>
    PgliteClient.open({ folder: mkdtempSync(join(parent, 'folder-')), onEnd: told, workerFile });
  const ask = (client: PgliteClient, text: string, deadlineMs: number): Promise<unknown> =>
    client
      .query({ name: text, text, bind: () => [] }, {}, deadlineMs)
      .catch((error: SqlError) => error.failure);

  test('it does not answer: by the deadline the sent statement is unknown, and those that wait have failed', async ({
    expect,
  }) => {
    const client = await open();
    expect(await ask(client, 'fine', 1_000)).toEqual([[1]]);
    expect(await Promise.all([ask(client, 'hang', 200), ask(client, 'fine', 100)])).toEqual([
      'unknown',
      'failed',
    ]);
    await client.close();
  });

  test('it ends: the sent statement is unknown, all others fail, and the client reports it once', async ({
    expect,
  }) => {
    const said: string[] = [];
    const client = await open((error) => void said.push(error.message));
    const answers = await Promise.all([
      ask(client, 'die', 1_000),
      ask(client, 'fine', 1_000),
      ask(client, 'fine', 1_000),
    ]);
    expect(answers).toEqual(['unknown', 'failed', 'failed']);
    expect(await ask(client, 'fine', 1_000)).toBe('failed');
    expect(said).toEqual(['the embedded database ended with code 7']);
    await client.close();
  });

  test('the statements of a line and all others take turns, and the end comes last', async ({ expect }) => {
    const client = await open();
    const line = client.line();
    const order: string[] = [];
    const statement = { name: 'fine', text: 'fine', bind: () => [] };
    for (const at of [1, 2, 3]) void client.query(statement, {}, 1_000).then(() => order.push(`other ${at}`));
    for (const at of [1, 2]) line.send(statement, {}, 1_000, () => order.push(`line ${at}`));
    await client.close();
    expect(order).toEqual(['other 1', 'line 1', 'other 2', 'line 2', 'other 3']);
  });

  test('a thousand statements wait: one more fails at once', async ({ expect }) => {
    const client = await open();
    const waiting = Array.from({ length: 1_001 }, () => ask(client, 'hang', 300));
    expect(await ask(client, 'fine', 5_000)).toBe('failed');
    await Promise.all(waiting);
    await client.close();
  });
});
