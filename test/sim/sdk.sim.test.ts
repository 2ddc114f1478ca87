import { expect, test } from 'vitest';
import { ALL_FAULTS } from '../../src/sim/faults.ts';
import { simulate } from '../../src/sim/simulate.ts';
import { SdkClient } from '../support/sdk-client.ts';

// The SDK's own core as the clients of a simulated node, under all faults. SEEDS=1000 runs more of them.

const FIRST = Number(process.env['SEED'] ?? 1);
const SEEDS = Number(process.env['SEEDS'] ?? 60);

test('[DG1] [DG2] [DG3] [DG4] the application sees each message once and in order, and is told the truth of what it sends', () => {
  for (let seed = FIRST; seed < FIRST + SEEDS; seed++) {
    const trace: string[] = [];
    const { violation, stored } = simulate({
      seed,
      durationMs: 60_000,
      faults: ALL_FAULTS,
      makeClient: (options, world, random) => new SdkClient(options, world, random),
      ...(process.env['TRACE'] ? { trace: (line: string) => void trace.push(line) } : {}),
    });
    if (process.env['TRACE']) console.log(trace.join(''));
    expect(violation, `seed ${seed}`).toBeUndefined();
    expect(stored).toBeGreaterThan(0);
  }
}, 1_200_000);
