import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A program that the tests run and the package manager has. */
export interface Program {
  /** As people call it. */
  readonly name: string;
  /** The package of Debian. */
  readonly debianPackage: string;
  /** What else a person may do who lacks it. */
  readonly hint: string;
  /** Where it is, if it is anywhere. */
  readonly find: () => string | undefined;
  /** Where it is in the package, which is then unpacked and not installed: its service must not start. */
  readonly unpack?: string;
}

/** Where a program is, installing it when that is possible and allowed: on Debian, as root. */
export function findOrInstall({ name, debianPackage, hint, find, unpack }: Program): string {
  const found = find();
  if (found !== undefined) return found;
  const advice = `install ${name} (on Debian: apt-get install ${debianPackage}), or ${hint}`;
  const isDebian = existsSync('/etc/debian_version');
  const isRoot = process.getuid?.() === 0;
  if (!isDebian || !isRoot || process.env['VAGUS_TEST_INSTALL'] === '0')
    throw new Error(`The tests need ${name}, and it was not found: ${advice}`);
  process.stderr.write(
    `${name} is missing: installing it with apt-get (VAGUS_TEST_INSTALL=0 forbids that)\n`,
  );
  aptGet(['update', '-qq']);
  if (unpack === undefined) aptGet(['install', '-qq', '-y', '--no-install-recommends', debianPackage]);
  const installed = unpack === undefined ? find() : join(unpacked(debianPackage), unpack);
  if (installed === undefined)
    throw new Error(`apt-get has installed ${name}, but its program was not found: ${advice}`);
  return installed;
}

function unpacked(debianPackage: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'vagus-package-'));
  aptGet(['download', '-qq', debianPackage], folder);
  const [archive = ''] = readdirSync(folder);
  execFileSync('dpkg-deb', ['--extract', archive, '.'], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  return folder;
}

function aptGet(args: readonly string[], cwd?: string): void {
  execFileSync('apt-get', args, {
    cwd,
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  });
}

/** The first of these folders, or of the PATH, that has a program of one of these names. */
export function findProgram(names: readonly string[], folders: readonly string[]): string | undefined {
  const all = [...folders, ...(process.env['PATH'] ?? '').split(':')];
  return all.flatMap((folder) => names.map((name) => `${folder}/${name}`)).find((path) => existsSync(path));
}
