import { createHash, randomInt } from 'node:crypto';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { CLIENT_KINDS } from '../../src/sim/clients/client-kinds.ts';
import { ALL_FAULTS, chooseFaults, parseFaults } from '../../src/sim/kit/faults.ts';
import { guarded, NotDeterministic } from '../../src/sim/kit/guard.ts';
import { replayLine } from '../../src/sim/world/report.ts';
import { simulate, type SimulationOptions } from '../../src/sim/world/simulate.ts';
import { simulateCommand } from '../../src/cli/commands/simulate.ts';
import { ROOT } from '../support/source.ts';
import { seedsFrom, sweep, sweepAlone } from '../support/sweep.ts';

const MINUTE_MS = 60_000;

function traceOf(options: Omit<SimulationOptions, 'trace'>): { text: string; lines: number } {
  const lines: string[] = [];
  simulate({ ...options, trace: (line) => lines.push(line) });
  return { text: lines.join(''), lines: lines.length };
}

describe('[D18] the same seed', () => {
  const options = { seed: 4711, durationMs: 20_000, faults: ALL_FAULTS };

  test('[invariant 20] has the same trace, byte for byte', () => {
    const first = traceOf(options);
    expect(first.lines).toBeGreaterThan(1_000);
    expect(traceOf(options).text).toBe(first.text);
    expect(traceOf({ ...options, seed: 4712 }).text).not.toBe(first.text);
  });

  test('[invariant 20] also in another process, on standard output and in a file', () => {
    const folder = mkdtempSync(join(tmpdir(), 'vagus-trace-'));
    const file = join(folder, 'trace');
    const run = (trace: string) =>
      spawnSync(
        process.execPath,
        [`${ROOT}dist/cli/main.js`, 'simulate', '--seed', '4711', '--duration', '20s', '--trace', trace],
        { maxBuffer: 1e9 },
      );
    const [piped, kept] = [run('-'), run(file)];
    expect([piped.status, kept.status]).toEqual([0, 0]);
    const hash = (bytes: Buffer | string): string => createHash('sha256').update(bytes).digest('hex');
    expect(hash(piped.stdout)).toBe(hash(traceOf(options).text));
    expect(hash(readFileSync(file))).toBe(hash(piped.stdout));
    // What is told to people goes to standard error while standard output is the trace.
    expect(piped.stderr.toString()).toContain('no invariant broken');
    expect(kept.stdout.toString()).toContain('no invariant broken');
    rmSync(folder, { recursive: true });
  });

  test('is not changed by being looked at', () => {
    const traced = simulate({ ...options, trace: () => {} });
    expect(simulate(options)).toEqual(traced);
  });
});

describe('[D17] inside a simulation the machine’s time and chance throw', () => {
  test.each([
    ['Date.now', () => Date.now()],
    ['new Date()', () => new Date()],
    ['performance.now', () => performance.now()],
    ['Math.random', () => Math.random()],
    ['setTimeout', () => setTimeout(() => {}, 0)],
    ['setImmediate', () => setImmediate(() => {})],
    ['queueMicrotask', () => queueMicrotask(() => {})],
    ['crypto.randomUUID', () => crypto.randomUUID()],
  ])('%s', (_, use) => {
    expect(() => guarded(use)).toThrow(NotDeterministic);
    use();
  });

  test('a date of a number is no time', () => {
    expect(guarded(() => new Date(0).toISOString())).toBe('1970-01-01T00:00:00.000Z');
  });
});

describe('faults', () => {
  test('are named one by one, or all, or none', () => {
    expect(parseFaults('all')).toEqual(ALL_FAULTS);
    expect(parseFaults('none')).toEqual([]);
    expect(parseFaults('kill,db-hang')).toEqual(['kill', 'db-hang']);
    expect(() => parseFaults('kill,flood,nonsense')).toThrow(/no fault "nonsense"; there are kill, pause/);
  });

  test('a run has a part of them, and each has its turn', () => {
    const chosen = Array.from({ length: 50 }, (_, seed) => chooseFaults(ALL_FAULTS, seed));
    expect(new Set(chosen.flat()).size).toBe(ALL_FAULTS.length);
    expect(chosen.some((faults) => faults.length < ALL_FAULTS.length / 2)).toBe(true);
  });

  test.each(ALL_FAULTS)('%s alone is borne', (fault) => {
    expect(sweepAlone(fault, seedsFrom(1, 2))).toBeGreaterThan(3);
  });
});

const first = randomInt(2 ** 32);

// `npm run test:long` tries more.
test.each([
  ['sdk', 24],
  ['both', 16],
  ['frames', 10],
] as const)(
  `[DG1] [DG2] [DG3] [DG4] [DG7] clients: %s; %d fresh seeds of a minute with all faults (from ${first})`,
  (clients, count) => sweep(seedsFrom(first, count), { clients }),
  60_000,
);

test('clients are named, and differ', () => {
  expect(() => simulateCommand(['--clients', 'robots'])).toThrow(
    '--clients is "robots", but must be one of sdk, frames, both',
  );
  const traces = CLIENT_KINDS.map(
    (clients) => traceOf({ seed: 1, durationMs: 5_000, faults: [], clients }).text,
  );
  expect(new Set(traces).size).toBe(3);
});

test('without faults nothing goes wrong', () => {
  for (let seed = 1; seed <= 10; seed++) {
    const { violation } = simulate({ seed, durationMs: MINUTE_MS, faults: [] });
    expect(violation, replayLine({ seed, faults: 'none' })).toBeUndefined();
  }
});
