import { execFileSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { closeSync, openSync, writeSync } from 'node:fs';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseCommandLine } from '../arguments.ts';
import { ConfigError } from '../../config/config-error.ts';
import { duration, oneOf, Unfit, type Parser } from '../../config/parser.ts';
import { CLIENT_KINDS, DEFAULT_CLIENTS } from '../../sim/clients/client-kinds.ts';
import { parseFaults } from '../../sim/kit/faults.ts';
import { replayLine, tallyReport, violationReport } from '../../sim/world/report.ts';
import { simulate } from '../../sim/world/simulate.ts';

export const SIMULATE_USAGE = `vagus simulate: runs nodes, their log and their clients on virtual time, from a seed

  --seed N          the first seed, a whole number (default: random)
  --seeds N         how many, one after the other (default: 1)
  --duration 60s    virtual time with faults, without the time to come to rest
  --faults LIST     all, none, or names with commas between them (default: all)
  --clients KIND    sdk, frames (the protocol without it), or both (default: sdk)
  --nodes N         1 to 32; more than one are a cluster (default: 1)
  --trace FILE      writes the events of a single seed; - is standard output

Exits with 1 at the first seed that breaks an invariant, and prints the command that replays it.
`;

const FLAGS = ['seed', 'seeds', 'duration', 'faults', 'clients', 'nodes', 'trace'];

/** The largest cluster that is tested. */
const NODES_MAX = 32;

/** How often the command prints its progress, in milliseconds. */
const PROGRESS_MS = 2_000;

/** The longest duration of one seed, in virtual milliseconds: a day. */
const DURATION_MAX_MS = 86_400_000;

/** Runs the simulator and returns the exit code. Throws a {@link ConfigError} for impossible arguments. */
export function simulateCommand(args: readonly string[]): number {
  const { flags, isHelpAsked } = parseCommandLine(args, { command: 'simulate', flags: FLAGS });
  if (isHelpAsked) {
    process.stdout.write(SIMULATE_USAGE);
    return 0;
  }
  const { seed, seeds = '1', duration: time = '60s', faults = 'all', trace } = flags;
  const clients = read('--clients', flags['clients'] ?? DEFAULT_CLIENTS, oneOf(CLIENT_KINDS));
  const first =
    seed === undefined ? randomInt(2 ** 32) : wholeNumber('--seed', seed, 0, Number.MAX_SAFE_INTEGER);
  const count = wholeNumber('--seeds', seeds, 1, 1e9);
  const nodes = wholeNumber('--nodes', flags['nodes'] ?? '1', 1, NODES_MAX);
  const durationMs = read('--duration', time, duration(1, DURATION_MAX_MS));
  const allowed = parseFaults(faults);
  if (trace !== undefined && count > 1)
    throw new ConfigError('--trace needs a single seed: leave --seeds out');

  const out = trace === '-' ? process.stderr : process.stdout;
  const writer = trace === undefined ? undefined : new LineWriter(trace === '-' ? 1 : openSync(trace, 'w'));
  const tracing = writer ? { trace: (line: string) => writer.write(line) } : {};
  const before = process.cpuUsage();
  let virtualMs = 0;
  let stored = 0;
  let toldAt = Date.now();
  for (let at = 0; at < count; at++) {
    const result = simulate({ seed: first + at, durationMs, faults: allowed, clients, nodes, ...tracing });
    writer?.end();
    virtualMs += result.virtualMs;
    stored += result.stored;
    if (result.violation) {
      const replay = replayLine({ seed: first + at, duration: time, faults, clients, nodes });
      out.write(violationReport(result, { commit: commit(), replay }));
      return 1;
    }
    if (Date.now() - toldAt < PROGRESS_MS) continue;
    toldAt = Date.now();
    process.stderr.write(`${at + 1} of ${count} seeds\n`);
  }
  const used = process.cpuUsage(before);
  out.write(`seed ${first}${count > 1 ? ` to ${first + count - 1}` : ''}: `);
  out.write(tallyReport({ seeds: count, virtualMs, stored, cpuMs: (used.user + used.system) / 1_000 }));
  return 0;
}

function read<Value>(name: string, text: string, { parse, may }: Parser<Value>): Value {
  const value = parse(text);
  if (value instanceof Unfit) throw new ConfigError(`${name} is ${JSON.stringify(text)}, but must be ${may}`);
  return value;
}

function wholeNumber(name: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < min || value > max)
    throw new ConfigError(
      `${name} is ${JSON.stringify(text)}, but must be a whole number from ${min} to ${max}`,
    );
  return value;
}

/** Writes lines in large pieces, because a trace has a hundred thousand of them. */
class LineWriter {
  readonly #file: number;
  #waiting = '';

  constructor(file: number) {
    this.#file = file;
  }

  write(line: string): void {
    this.#waiting += line;
    if (this.#waiting.length > 65_536) this.#flush();
  }

  end(): void {
    this.#flush();
    if (this.#file > 2) closeSync(this.#file);
  }

  #flush(): void {
    const bytes = Buffer.from(this.#waiting);
    this.#waiting = '';
    for (let at = 0; at < bytes.length;) at += this.#some(bytes, at);
  }

  /** Writes some bytes. It waits while a pipe is full. */
  #some(bytes: Buffer, at: number): number {
    try {
      return writeSync(this.#file, bytes, at);
    } catch (error) {
      if ((error as { code?: string }).code !== 'EAGAIN') throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
      return 0;
    }
  }
}

/** The commit of this code, because a seed means nothing without it. */
function commit(): string {
  const root = fileURLToPath(new URL('../../..', import.meta.url));
  const git = (...args: string[]): string =>
    execFileSync('git', args, {
      cwd: root,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  try {
    // Installed in another project's checkout, git would name that project's commit.
    if (relative(git('rev-parse', '--show-toplevel'), root) !== '') throw new Error('not ours');
    return `${git('rev-parse', '--short=12', 'HEAD')}${git('status', '--porcelain') === '' ? '' : ', and uncommitted changes'}`;
  } catch {
    return 'unknown: this is not a checkout';
  }
}
