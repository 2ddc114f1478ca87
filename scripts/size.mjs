// How large the client is in a page, whole and as its base: bundled, minified, compressed. Fails when it is larger than it
// may be.
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build, transformWithEsbuild } from 'vite';

const MAX = {
  index: { minified: 46_300, gzipped: 16_750 },
  base: { minified: 28_400, gzipped: 10_240 },
};

async function bundle(name) {
  const [{ output }] = await build({
    configFile: false,
    logLevel: 'error',
    build: {
      write: false,
      target: 'es2022',
      lib: { entry: fileURLToPath(new URL(`../client/src/${name}.ts`, import.meta.url)), formats: ['es'] },
      // A library keeps its spaces unless a page's bundler takes them out; this is what a page gets.
      rollupOptions: { output: { compact: true } },
      minify: 'esbuild',
    },
  });
  const { code } = await transformWithEsbuild(output[0].code, 'client.js', {
    minify: true,
    format: 'esm',
    target: 'es2022',
  });
  return code;
}

for (const [name, max] of Object.entries(MAX)) {
  const code = await bundle(name);
  const size = { minified: Buffer.byteLength(code), gzipped: gzipSync(code, { level: 9 }).length };
  for (const [how, bytes] of Object.entries(size)) {
    console.log(`${name} ${how} ${bytes} of ${max[how]} bytes`);
    if (bytes > max[how]) process.exitCode = 1;
  }
}
