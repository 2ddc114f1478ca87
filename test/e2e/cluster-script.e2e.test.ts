import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, onTestFinished, test } from 'vitest';
import { signToken } from '../../src/transport/auth/sign.ts';
import { TestClient } from '../support/client.ts';
import { SECRET } from '../support/node-process.ts';
import { freePort } from '../support/postgres-server.ts';
import { ROOT } from '../support/source.ts';

const folder = mkdtempSync(join(tmpdir(), 'vagus-script-'));
// PostgreSQL runs as another user there.
chmodSync(folder, 0o755);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Three ports that follow each other, and those of the admin ports. */
async function firstPort(): Promise<number> {
  for (;;) {
    const port = await freePort();
    if ((await freePort()) === port + 1 && (await freePort()) === port + 2) return port;
  }
}

test('npm run cluster: three nodes, a Redis and a PostgreSQL; a process that was killed starts again, and none stays behind', async () => {
  const port = await firstPort();
  const env = { ...process.env, VAGUS_PORT: String(port), VAGUS_JWT_SECRET: SECRET, TMPDIR: folder };
  const script = spawn(process.execPath, ['scripts/cluster.mjs'], {
    cwd: ROOT,
    env,
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  onTestFinished(() => void script.kill('SIGINT'));
  let said = '';
  script.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const ended = new Promise<number | null>((resolve) => script.once('exit', resolve));
  const says = (what: RegExp): Promise<void> => expect.poll(() => said, { timeout: 40_000 }).toMatch(what);
  await says(/Ctrl-C ends all/);
  const open = async (node: number, user: string): Promise<TestClient> => {
    const token = await signToken({ user, secret: SECRET, ttlMs: 600_000 });
    return TestClient.open(`ws://127.0.0.1:${port + node}/ws`, { token });
  };
  const [ann, cy] = [await open(0, 'ann'), await open(2, 'cy')];
  const chats = async (content: string): Promise<void> => {
    const send = (): Promise<unknown> => ann.request({ type: 'chat', room: 'lobby', id: content, content });
    await expect.poll(send, { timeout: 15_000 }).toMatchObject({ type: 'ack' });
    await cy.chat('lobby', content);
  };
  for (const client of [ann, cy]) await client.request({ type: 'join', room: 'lobby' });
  await chats('whole');
  for (const name of ['node b', 'redis']) {
    const pid = Number(new RegExp(`${name}\\b.*?as process (\\d+)`).exec(said)?.[1]);
    process.kill(pid, 'SIGKILL');
    const short = name.replace('node ', '');
    await says(new RegExp(`${short} has ended \\(SIGKILL\\)`));
    script.stdin.write(`${short}\n`);
    await says(new RegExp(`${short} runs again`));
    await chats(`after-${short}`);
  }
  for (const client of [ann, cy]) await client.close();
  script.kill('SIGINT');
  expect(await ended).toBe(0);
  expect(existsSync(folder) && readdirSync(folder)).toEqual([]);
}, 120_000);
