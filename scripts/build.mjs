// Compiles src into dist, the client into its own, and the pages. dist is removed first, so that a file deleted in src
// cannot live on in a build.
import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
const compile = (project) =>
  execFileSync(process.execPath, [tsc, '-p', project], { cwd: root, stdio: 'inherit' });

for (const folder of ['dist', 'client/dist']) rmSync(`${root}${folder}`, { recursive: true, force: true });
// The server has its client as a dependency, for simulations.
compile('client/tsconfig.build.json');
compile('tsconfig.build.json');
chmodSync(`${root}dist/cli/main.js`, 0o755);
chatPage();

/** A page and the client beside it, each file where a browser finds it by the imports of the others. */
function chatPage() {
  const source = `${root}src/page/chat`;
  const page = `${root}dist/page`;
  const compiled = `${page}/compiled`;
  compile('src/page/chat/tsconfig.json');
  mkdirSync(`${page}/chat`);
  for (const name of readdirSync(`${compiled}/src/page/chat`)) {
    const text = readFileSync(`${compiled}/src/page/chat/${name}`, 'utf8');
    const placed = name.endsWith('.js') ? text.replaceAll('"../../../client/src/', '"../client/') : text;
    writeFileSync(`${page}/chat/${name}`, placed);
  }
  rmSync(compiled, { recursive: true });
  const isAsset = (file) => !/\.(ts|json)$/.test(file);
  cpSync(source, `${page}/chat`, { recursive: true, filter: isAsset });
  cpSync(`${root}client/dist`, `${page}/client`, {
    recursive: true,
    filter: (file) => !file.endsWith('.d.ts'),
  });
}
