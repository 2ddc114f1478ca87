import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

// `npm run hostile` takes half an hour, and its times mean something on a machine that does nothing else. Here is seen
// that it runs: one case for a second, of which only what does not depend on time is looked at.

const PROGRAM = fileURLToPath(new URL('../../bench/hostile/hostile.mjs', import.meta.url));

const hostile = (...args: string[]): Promise<{ readonly stdout: string; readonly stderr: string }> =>
  new Promise((resolve) => {
    execFile(process.execPath, [PROGRAM, ...args], (_, stdout, stderr) => resolve({ stdout, stderr }));
  });

test('a hostile user is compared with a bare server, and bystanders lose nothing', async () => {
  const { stdout, stderr } = await hostile('signals', '--calm', '1', '--seconds', '1', '--rest', '0');
  expect(stderr).toBe('');
  const row = stdout.split('\n').find((line) => line.startsWith('signals'));
  expect(row).toMatch(/^signals( +[\d.]+\/[\d.]+){3} +- +[\d.]+( +\d+\/\d+){3} /);
  expect(row).not.toMatch(/bystander|never acked|out of order|not shown|ended/);
}, 120_000);

test('a case that is not there is said', async () => {
  const { stderr } = await hostile('dances');
  expect(stderr).toContain('there is no case dances; there are creates, fragments,');
});
