import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { keepToOwner } from '../../src/store/postgres/folder-mode.ts';

const mode = (path: string): string => (statSync(path).mode & 0o777).toString(8);

test('opening a folder that other users could read leaves it and its content to its owner', () => {
  const folder = mkdtempSync(join(tmpdir(), 'vagus-mode-'));
  const [inner, file] = [join(folder, 'pgdata'), join(folder, 'pgdata', 'base')];
  mkdirSync(inner, { mode: 0o755 });
  writeFileSync(file, 'messages', { mode: 0o644 });
  chmodSync(folder, 0o755);
  keepToOwner(folder);
  expect([folder, inner, file].map(mode)).toEqual(['700', '700', '600']);
  // Opening it again changes nothing.
  chmodSync(file, 0o640);
  keepToOwner(folder);
  expect(mode(file)).toBe('640');
  rmSync(folder, { recursive: true });
});
