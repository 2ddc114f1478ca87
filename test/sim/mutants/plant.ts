import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ts from 'typescript';
import { DEFAULT_CLIENTS, type ClientKind } from '../../../src/sim/clients/client-kinds.ts';
import { planted, type Bug } from '../../support/planted.ts';
import { ROOT } from '../../support/source.ts';

/** A bug of the kind people write, which the simulator must find. */
export interface Mutant extends Bug {
  /** A seed that finds it. */
  readonly seed: number;
  /** What that seed finds broken. */
  readonly invariant: number;
  /** Faults that bring it about; all unless given, where a bug that needs a rare meeting of some would take thousands of seeds. */
  readonly faults?: string;
  /** The number of nodes; one unless given. */
  readonly nodes?: number;
  /** Who finds it; `sdk` unless given. */
  readonly clients?: ClientKind;
}

export interface Verdict {
  readonly isFound: boolean;
  readonly seed: number | undefined;
  readonly invariant: number | undefined;
  readonly output: string;
}

/** Every mutant, by name. */
export async function allMutants(): Promise<Mutant[]> {
  const folder = join(ROOT, 'test/sim/mutants');
  const names = readdirSync(folder).filter((name) => !['plant.ts', 'search.ts'].includes(name));
  const modules = await Promise.all(
    names.toSorted().map((name) => import(join(folder, name)) as Promise<{ readonly mutant: Mutant }>),
  );
  return modules.map(({ mutant }) => mutant);
}

/** Copies what runs of a build: without types and maps, which are two thirds of its files. */
function copyCode(from: string, to: string): void {
  cpSync(join(ROOT, from), to, { recursive: true, filter: (file) => !/\.(map|d\.ts)$/.test(file) });
}

/** A build of the program with a bug in it, and nothing else changed; `undefined` for one without. */
export class Planted {
  readonly #folder: string;
  readonly #mutant: Mutant | undefined;

  constructor(mutant: Mutant | undefined) {
    this.#mutant = mutant;
    this.#folder = mkdtempSync(join(tmpdir(), 'vagus-mutant-'));
    copyCode('dist', join(this.#folder, 'dist'));
    cpSync(join(ROOT, 'package.json'), join(this.#folder, 'package.json'));
    symlinkSync(join(ROOT, 'node_modules'), join(this.#folder, 'node_modules'));
    if (mutant) this.#plant(mutant);
  }

  /** Where what is built of a file goes: this program's own copy of the SDK is found before the one of all. */
  #place({ file, of }: Mutant): string {
    const built = file.replace(/\.ts$/, '.js');
    if (of !== 'client') return join(this.#folder, 'dist', built);
    const copy = join(this.#folder, 'dist/node_modules/vagus-client');
    copyCode('client/dist', join(copy, 'dist'));
    cpSync(join(ROOT, 'client/package.json'), join(copy, 'package.json'));
    return join(copy, 'dist', built);
  }

  #plant(mutant: Mutant): void {
    const { outputText } = ts.transpileModule(planted(mutant), {
      compilerOptions: {
        module: ts.ModuleKind.ESNext,
        target: ts.ScriptTarget.ES2023,
        rewriteRelativeImportExtensions: true,
      },
    });
    writeFileSync(this.#place(mutant), outputText);
  }

  /** Simulates seeds until one finds something, with the faults, nodes and clients of `like`. */
  simulate(
    seed: number,
    seeds = 1,
    like: Pick<Mutant, 'faults' | 'clients' | 'nodes'> | undefined = this.#mutant,
  ): Verdict {
    const args = [
      'simulate',
      '--seed',
      String(seed),
      '--seeds',
      String(seeds),
      '--duration',
      '60s',
      '--faults',
      like?.faults ?? 'all',
      '--clients',
      like?.clients ?? DEFAULT_CLIENTS,
      '--nodes',
      String(like?.nodes ?? 1),
    ];
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [join(this.#folder, 'dist/cli/main.js'), ...args],
      { encoding: 'utf8' },
    );
    const read = (pattern: RegExp): number | undefined => {
      const found = pattern.exec(stdout)?.[1];
      return found === undefined ? undefined : Number(found);
    };
    return {
      isFound: status === 1 && stdout.includes('invariant'),
      seed: read(/^seed +(\d+)$/m),
      invariant: read(/^invariant +(\d+)/m),
      output: `${stdout}${stderr}`,
    };
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
