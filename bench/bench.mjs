// Everything docs/performance.md has figures of, in one run. Needs a build (npm ci) and a PostgreSQL:
//   DATABASE_URL=postgres://… npm --prefix bench run bench
// With two cores or more the node runs alone on one (taskset), its clients and everything else on another.
import { execFileSync } from 'node:child_process';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { pinned, startNode } from './node.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));

console.log(`# ${new Date().toISOString()} ${cpus()[0]?.model} x${cpus().length}`);
const [micro, ...microArgs] = pinned(0, [process.execPath, '--expose-gc', `${here}micro.mjs`]);
console.log('micro', execFileSync(micro, microArgs, { encoding: 'utf8' }).trim());

const node = await startNode();
const { url, secret } = node;

const scenarios = [
  ['1,000 a second over 200 rooms', { rooms: 200, seconds: 10, rate: 1_000, warm: 4 }],
  ['64 in flight over 200 rooms', { rooms: 200, seconds: 5, inFlight: 64, warm: 2 }],
  ['400 in flight over 200 rooms', { rooms: 200, seconds: 5, inFlight: 400, warm: 2 }],
  ['1,000 in flight over 200 rooms', { rooms: 200, seconds: 5, inFlight: 1_000, warm: 2 }],
];
for (const [name, scenario] of scenarios) {
  for (let run = 0; run < 3; run++) {
    const [file, ...rest] = pinned(1, [
      process.execPath,
      `${here}acks.mjs`,
      url,
      secret,
      JSON.stringify(scenario),
    ]);
    console.log(name, execFileSync(file, rest, { encoding: 'utf8' }).trim());
  }
}
await node.stop();
