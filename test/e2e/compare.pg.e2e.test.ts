import { execFile, spawn } from 'node:child_process';
import { expect, inject, test } from 'vitest';
import { ROOT } from '../support/source.ts';

// Figures take minutes on a machine that does nothing else. Here is seen that the runner runs, and that it gives no figure of a
// server that is wrong.

interface Result {
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number;
}

const compare = (args: readonly string[], env: Record<string, string> = {}): Promise<Result> =>
  new Promise((resolve) => {
    const given = { env: { ...process.env, DATABASE_URL: inject('databaseUrl'), ...env } };
    execFile(process.execPath, [`${ROOT}bench/compare.mjs`, ...args], given, (error, stdout, stderr) =>
      resolve({ stdout, stderr, code: Number(error?.code ?? 0) }),
    );
  });

const SHORT = ['--scenario', 'echo', '--pairs', '1', '--warm', '0.1', '--seconds', '0.3', '--quiet', '9'];

test('a build is compared with itself, in a database that is dropped', async () => {
  const { stdout, stderr, code } = await compare(['--base', ROOT, '--json', ...SHORT]);
  expect({ code, stderr }).toMatchObject({ code: 0 });
  const { sides, scenarios } = JSON.parse(stdout);
  expect(Object.keys(sides)).toEqual(['this', 'base']);
  const { runs, figures } = scenarios.echo;
  expect([runs.this.length, runs.base.length]).toEqual([1, 1]);
  for (const key of ['cpuUs', 'perSecond', 'p50Ms', 'p99Ms']) {
    const { medians, against } = figures[key];
    expect(medians.this).toBeGreaterThan(0);
    expect(against.base.median).toBeCloseTo(medians.this / medians.base, 9);
    // One pair says nothing about how sure that is.
    expect(against.base.interval).toBeUndefined();
  }
  expect(stderr).toMatch(/^echo 1\/1: \S+ [\d.]+ µs, \S+ [\d.]+ µs; [\d.]+ cores for other work$/m);
});

test('a server that loses, doubles or reorders a message gets no figure', async () => {
  const wrong = `${ROOT}test/fixtures/bench/wrong-node.mjs`;
  const run = (fault: string): Promise<Result> => compare(['--this', wrong, ...SHORT], { FAULT: fault });
  // With one message in flight there is no later one that shows the loss: it is waited for, for 5 s.
  const lone = compare(['--this', wrong, ...SHORT, '--scenario', 'lone'], { FAULT: 'lose' });
  const right = await run('none');
  expect(right.stdout).toMatch(/^echo: .*\n.*\nCPU µs a message +[\d.]+\n/);
  // In so short a run the next message of the room may not be sent any more.
  const early = /message 200 came to a member of room 0 before message 0|1 of the messages never came/;
  const refused = { lose: early, double: /message 0 came twice to a member of room 0/, reorder: early };
  for (const [fault, why] of Object.entries(refused)) {
    const { stdout, code } = await run(fault);
    expect(stdout).toMatch(new RegExp(`^echo: no figure of wrong-node.mjs: (${why.source})[^\n]*\n\n$`));
    expect(code).toBe(1);
  }
  expect((await lone).stdout.trim()).toBe(
    'lone: no figure of wrong-node.mjs: 1 of the messages never came, or their acks',
  );
});

test('a round that other work disturbs is done once more, and said if it counts all the same', async () => {
  const other = spawn(process.execPath, ['-e', 'for (;;);']);
  const args = ['--this', `${ROOT}test/fixtures/bench/wrong-node.mjs`, ...SHORT, '--quiet', '0.1'];
  const { stdout, stderr } = await compare(args, { FAULT: 'none' });
  other.kill();
  expect(stderr).toMatch(
    /^echo 0\/1: .* cores for other work, once more\necho 1\/1: .* cores for other work$/m,
  );
  expect(stdout).toContain('\n1 of the pairs while the machine had other work\n');
});

test('the report names what it cannot compare', async () => {
  expect((await compare(['--base', '/nowhere'])).stderr).toContain(
    'there is no build at /nowhere: it has no package.json',
  );
  expect((await compare(['--scenario', 'dance'])).stderr).toContain(
    'there is no scenario dance; there are echo,',
  );
  expect((await compare(['--peers', 'crowd'])).stderr).toContain('there is no peer crowd; there are ws,');
});
