import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { PgliteClient } from '../../src/store/postgres/pglite-client.ts';
import type { SqlError } from '../../src/store/postgres/sql-client.ts';
import { ROOT } from '../support/source.ts';

let folder: string;
const ends: string[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'vagus-folder-'));
  ends.length = 0;
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const onEnd = (error: Error): void => void ends.push(error.message);

describe('[D19] the folder of the embedded store', () => {
  test('[D19] is refused to a second user by name, and free again after the first', async () => {
    const first = await PgliteClient.open({ folder, onEnd });
    await expect(PgliteClient.open({ folder, onEnd })).rejects.toThrow(
      `${folder} is in use by process ${process.pid}`,
    );
    await first.close();
    const second = await PgliteClient.open({ folder, onEnd });
    await second.close();
    expect(ends).toEqual([]);
  });

  test('is for its owner only', async () => {
    const inner = join(folder, 'new');
    const client = await PgliteClient.open({ folder: inner, onEnd });
    expect(statSync(inner).mode & 0o777).toBe(0o700);
    expect(readFileSync(join(inner, 'lock'), 'utf8')).toMatch(/^process \d+, started /);
    await client.close();
  });

  test('of another version of PostgreSQL is refused, and left as it is', async () => {
    mkdirSync(join(folder, 'pgdata'));
    writeFileSync(join(folder, 'pgdata', 'PG_VERSION'), '17\n');
    await expect(PgliteClient.open({ folder, onEnd })).rejects.toThrow('was made by PostgreSQL 17');
  });
});

describe('a thread that misbehaves', () => {
  const workerFile = `${ROOT}test/fixtures/pglite/mortal-worker.mjs`;
  const ask = (client: PgliteClient, text: string, deadlineMs: number): Promise<unknown> =>
    client
      .query({ name: text, text, bind: () => [] }, {}, deadlineMs)
      .catch((error: SqlError) => error.failure);

  test('does not answer: unknown for what was sent, failed for what waits, in time', async () => {
    const client = await PgliteClient.open({ folder, onEnd, workerFile });
    expect(await ask(client, 'fine', 1_000)).toEqual([[1]]);
    expect(await Promise.all([ask(client, 'hang', 200), ask(client, 'fine', 100)])).toEqual([
      'unknown',
      'failed',
    ]);
    await client.close();
  });

  test('ends: unknown for what was sent, failed for the rest and for all that comes, and it is said once', async () => {
    const client = await PgliteClient.open({ folder, onEnd, workerFile });
    const answers = await Promise.all([
      ask(client, 'die', 1_000),
      ask(client, 'fine', 1_000),
      ask(client, 'fine', 1_000),
    ]);
    expect(answers).toEqual(['unknown', 'failed', 'failed']);
    expect(await ask(client, 'fine', 1_000)).toBe('failed');
    expect(ends).toEqual(['the embedded database ended with code 7']);
    await client.close();
  });

  test('more than a thousand waiting: one more fails at once', async () => {
    const client = await PgliteClient.open({ folder, onEnd, workerFile });
    const waiting = Array.from({ length: 1_001 }, () => ask(client, 'hang', 300));
    expect(await ask(client, 'fine', 5_000)).toBe('failed');
    await Promise.all(waiting);
    await client.close();
  });
});
