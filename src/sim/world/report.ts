import { DEFAULT_CLIENTS, type ClientKind } from '../clients/client-kinds.ts';
import type { SimulationResult } from './simulate.ts';

/** The sums of a run over many seeds. */
export interface Tally {
  readonly seeds: number;
  readonly virtualMs: number;
  readonly stored: number;
  /** CPU time of this process, in milliseconds. */
  readonly cpuMs: number;
}

/** What names a run. */
export interface Replay {
  readonly seed: number;
  readonly duration?: string;
  readonly faults: string;
  readonly clients?: ClientKind;
  readonly nodes?: number;
}

/** The command line that replays a run. */
export function replayLine({ seed, duration = '60s', faults, clients, nodes = 1 }: Replay): string {
  const kind = clients === undefined || clients === DEFAULT_CLIENTS ? '' : ` --clients ${clients}`;
  const others = `${kind}${nodes > 1 ? ` --nodes ${nodes}` : ''}`;
  return `vagus simulate --seed ${seed} --duration ${duration} --faults ${faults}${others} --trace -`;
}

/** A violation with everything that is needed to fix it. */
export function violationReport(
  { seed, violation }: SimulationResult,
  about: { readonly commit: string; readonly replay: string },
): string {
  if (!violation) throw new Error(`seed ${seed} has broken nothing`);
  return [
    `invariant  ${violation.invariant}, at ${(violation.at / 1_000).toFixed(3)} s`,
    `found      ${violation.text}`,
    `seed       ${seed}`,
    `commit     ${about.commit}`,
    `replay     ${about.replay}`,
    '',
  ].join('\n');
}

export function tallyReport({ seeds, virtualMs, stored, cpuMs }: Tally): string {
  const virtualS = Math.round(virtualMs / 1_000);
  const ratio = Math.round(virtualMs / Math.max(1, cpuMs));
  return (
    `${seeds} ${seeds === 1 ? 'seed' : 'seeds'}, no invariant broken: ${virtualS} virtual seconds in ` +
    `${(cpuMs / 1_000).toFixed(1)} s of CPU (${ratio} to 1), ${stored} entries stored\n`
  );
}
