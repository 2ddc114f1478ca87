import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Program } from './program.ts';
import { ROOT } from './source.ts';

/** A bug, to be put into one file. */
export interface Bug {
  readonly name: string;
  /** What is wrong, in a sentence. */
  readonly what: string;
  /** In `src`, or in `client/src` for a bug of the SDK. */
  readonly file: string;
  readonly of?: 'client';
  /** Each `find` must be there once: a bug that no longer fits must be written anew. */
  readonly edits: readonly { readonly find: string; readonly replace: string }[];
}

/** What its file says with the bug in it. */
export function planted({ name, file, of, edits }: Bug): string {
  let text = readFileSync(join(ROOT, of === 'client' ? 'client/src' : 'src', file), 'utf8');
  for (const { find, replace } of edits) {
    const times = text.split(find).length - 1;
    if (times !== 1)
      throw new Error(`${name} does not fit ${file} any more: what it looks for is there ${times} times`);
    text = text.replace(find, () => replace);
  }
  return text;
}

/** A place in the source, and the files that it imports, as paths from the root. */
function sources(): Map<string, readonly string[]> {
  const listed = ['src', 'test/support'].flatMap((part) =>
    readdirSync(join(ROOT, part), { recursive: true, encoding: 'utf8' }).map((name) => join(part, name)),
  );
  const names = listed.filter((name) => name.endsWith('.ts'));
  return new Map(
    names.map((name) => {
      const imports = readFileSync(join(ROOT, name), 'utf8').matchAll(/(?:from|import\() ?'(\.[^']+)'/g);
      return [name, [...imports].map(([, from = '']) => join(dirname(name), from))];
    }),
  );
}

/** The file and all that import it, directly or not. */
function dependents(file: string, all: ReadonlyMap<string, readonly string[]>): ReadonlySet<string> {
  const found = new Set([file]);
  for (let before = 0; before < found.size;) {
    before = found.size;
    for (const [name, imports] of all) if (imports.some((from) => found.has(from))) found.add(name);
  }
  return found;
}

/**
 * Runs something with a {@link Program} of a copy of the source that has a bug of `src` in it, and nothing else changed. Only
 * the files that lead to the bug are copied. The others are links, so that they are not compiled and loaded once more.
 */
export async function withPlanted<Made>(bug: Bug, run: (Planted: typeof Program) => Made): Promise<Made> {
  const folder = mkdtempSync(join(tmpdir(), 'vagus-planted-'));
  try {
    const all = sources();
    const copied = dependents(join('src', bug.file), all);
    for (const name of all.keys()) {
      const [from, to] = [join(ROOT, name), join(folder, name)];
      mkdirSync(dirname(to), { recursive: true });
      if (copied.has(name)) copyFileSync(from, to);
      else symlinkSync(from, to);
    }
    for (const name of ['package.json', 'node_modules']) symlinkSync(join(ROOT, name), join(folder, name));
    writeFileSync(join(folder, 'src', bug.file), planted(bug));
    const copy = pathToFileURL(join(folder, 'test/support/program.ts')).href;
    const made = (await import(copy)) as { readonly Program: typeof Program };
    return run(made.Program);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
