import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** As published on npm: each package is the binary of one version for one platform. */
const VERSIONS: Readonly<Record<number, string>> = { 22: '22.23.5', 24: '24.22.3' };

/**
 * A binary of Node.js: that of VAGUS_NODE_22 or VAGUS_NODE_24, the one that runs the tests where it is of this version, or
 * one installed from npm into a folder that is kept for the next run.
 */
export function nodeOf(major: number): string {
  const given = process.env[`VAGUS_NODE_${major}`];
  if (given) return given;
  if (Number(process.versions.node.split('.')[0]) === major) return process.execPath;
  const version = VERSIONS[major];
  const name = `node-${process.platform}-${process.arch}`;
  const folder = join(tmpdir(), `vagus-${name}-${version}`);
  const binary = join(folder, 'node_modules', name, 'bin', 'node');
  if (existsSync(binary)) return binary;
  if (process.env['VAGUS_TEST_INSTALL'] === '0')
    throw new Error(`This test needs Node.js ${major}: set VAGUS_NODE_${major} to its binary`);
  mkdirSync(folder, { recursive: true });
  const flags = ['--no-audit', '--no-fund', '--no-save', '--prefix', folder];
  execFileSync('npm', ['install', ...flags, `${name}@${version}`], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  return binary;
}
