// Compiles src into dist, and the client into its own. dist is removed first, so that a file deleted in src cannot live on in a build.
import { execFileSync } from 'node:child_process';
import { chmodSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
for (const [folder, project] of [
  ['dist', 'tsconfig.build.json'],
  ['client/dist', 'client/tsconfig.build.json'],
]) {
  rmSync(`${root}${folder}`, { recursive: true, force: true });
  execFileSync(process.execPath, [tsc, '-p', project], { cwd: root, stdio: 'inherit' });
}
chmodSync(`${root}dist/cli.js`, 0o755);
