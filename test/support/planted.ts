import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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

/** Runs something with a {@link Program} of a copy of the source that has a bug of `src` in it, and nothing else changed. */
export async function withPlanted<Made>(bug: Bug, run: (Planted: typeof Program) => Made): Promise<Made> {
  const folder = mkdtempSync(join(tmpdir(), 'vagus-planted-'));
  try {
    for (const part of ['src', 'test/support', 'package.json'])
      cpSync(join(ROOT, part), join(folder, part), { recursive: true });
    symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
    writeFileSync(join(folder, 'src', bug.file), planted(bug));
    const copy = pathToFileURL(join(folder, 'test/support/program.ts')).href;
    const made = (await import(copy)) as { readonly Program: typeof Program };
    return run(made.Program);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
