import { readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { Program } from '../support/program.ts';
import { withPlanted } from '../support/planted.ts';
import type { PastBug } from '../support/past-bug.ts';

// Bugs that were in the engine, most of them found by a simulation. Each is put back, and the order of events that it
// needs is written out: a seed that brings it about would have to be found anew whenever the program changes.

const folder = new URL('regressions/', import.meta.url);
const modules = await Promise.all(
  readdirSync(folder).map((name) => import(new URL(name, folder).href) as Promise<{ readonly bug: PastBug }>),
);
const bugs = modules.map(({ bug }) => bug);

test.each(bugs)('[invariant $invariant] $name', async (bug) => {
  expect(bug.scenario(Program)).toEqual(bug.sound);
  expect(await withPlanted(bug, bug.scenario)).toEqual(bug.broken);
});
