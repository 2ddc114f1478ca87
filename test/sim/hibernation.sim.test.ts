import { describe, expect, test, vi } from 'vitest';
import type { CLIENT_KINDS } from '../../src/sim/clients/client-kinds.ts';
import { ALL_FAULTS } from '../../src/sim/kit/faults.ts';
import type { simulate } from '../../src/sim/world/simulate.ts';

type Simulate = typeof simulate;

/** The simulator, with actors that hibernate while they only wait, or with actors that never do. */
async function simulator({ hibernates }: { readonly hibernates: boolean }): Promise<Simulate> {
  vi.resetModules();
  if (hibernates) vi.doUnmock('../../src/actors/kit/hibernation.ts');
  else
    vi.doMock('../../src/actors/kit/hibernation.ts', () => ({
      hibernating: (behaviour: unknown) => behaviour,
    }));
  return (await import('../../src/sim/world/simulate.ts')).simulate;
}

function traceOf(run: Simulate, seed: number, clients: (typeof CLIENT_KINDS)[number]): string {
  const lines: string[] = [];
  run({ seed, durationMs: 60_000, faults: ALL_FAULTS, clients, trace: (line) => lines.push(line) });
  return lines.join('');
}

describe('[D1] an actor that hibernates does what it would have done without', () => {
  test.each([
    ['sdk', 1],
    ['frames', 101],
  ] as const)(
    'clients: %s; the traces of four seeds from %i are the same, byte for byte',
    async (clients, first) => {
      const [hibernating, awake] = [
        await simulator({ hibernates: true }),
        await simulator({ hibernates: false }),
      ];
      for (let seed = first; seed < first + 4; seed++) {
        const trace = traceOf(hibernating, seed, clients);
        expect(trace.length).toBeGreaterThan(100_000);
        expect(trace === traceOf(awake, seed, clients), `seed ${seed}`).toBe(true);
      }
    },
  );
});
