// How large the client is in a page: bundled, minified, compressed. Fails when it is larger than it may be.
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'vite';

const MAX = { minified: 47_600, gzipped: 16_900 };

const [{ output }] = await build({
  configFile: false,
  logLevel: 'error',
  build: {
    write: false,
    target: 'es2022',
    lib: { entry: fileURLToPath(new URL('../client/src/index.ts', import.meta.url)), formats: ['es'] },
    // A library keeps its spaces unless a page's bundler takes them out; this is what a page gets.
    rollupOptions: { output: { compact: true } },
    minify: 'esbuild',
  },
});
const { transformWithEsbuild } = await import('vite');
const { code } = await transformWithEsbuild(output[0].code, 'client.js', {
  minify: true,
  format: 'esm',
  target: 'es2022',
});
const size = { minified: Buffer.byteLength(code), gzipped: gzipSync(code, { level: 9 }).length };
for (const [how, bytes] of Object.entries(size)) console.log(`${how} ${bytes} of ${MAX[how]} bytes`);
process.exitCode = size.minified > MAX.minified || size.gzipped > MAX.gzipped ? 1 : 0;
