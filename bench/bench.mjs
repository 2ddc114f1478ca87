// Everything docs/performance.md has figures of, in one run. Needs a build (npm ci) and a PostgreSQL:
//   DATABASE_URL=postgres://… npm --prefix bench run bench
// With two cores or more the node runs alone on one (taskset), its clients and everything else on another.
import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));
const { DATABASE_URL } = process.env;
if (!DATABASE_URL) {
  console.error('bench: set DATABASE_URL to a PostgreSQL of which the schema "vagus" may be used');
  process.exit(1);
}

const canPin = cpus().length > 1 && process.platform === 'linux';
const pinned = (core, command) => (canPin ? ['taskset', '-c', String(core), ...command] : command);

const secret = randomBytes(32).toString('hex');
const [port, adminPort] = [18_080, 19_090];
const url = `ws://127.0.0.1:${port}/ws`;

console.log(`# ${new Date().toISOString()} ${cpus()[0]?.model} x${cpus().length}`);
const [micro, ...microArgs] = pinned(0, [process.execPath, '--expose-gc', `${here}micro.mjs`]);
console.log('micro', execFileSync(micro, microArgs, { encoding: 'utf8' }).trim());

const [command, ...args] = pinned(0, [
  process.execPath,
  '--max-semi-space-size=64',
  `${here}../dist/cli.js`,
  'serve',
]);
const node = spawn(command, args, {
  stdio: ['ignore', 'inherit', 'inherit'],
  env: {
    ...process.env,
    VAGUS_JWT_SECRET: secret,
    VAGUS_PORT: String(port),
    VAGUS_ADMIN_PORT: String(adminPort),
    VAGUS_ROOMS_AUTO_CREATE: 'on',
    VAGUS_LOG_LEVEL: 'warn',
    // It is measured what a node can do, not what it lets one user do.
    VAGUS_CONNECTIONS_PER_SECOND: '0',
    VAGUS_CONNECTIONS_PER_USER: '0',
    VAGUS_MESSAGES_PER_MINUTE: '0',
    VAGUS_REQUESTS_PER_MINUTE: '0',
    VAGUS_SIGNALS_PER_SECOND: '0',
  },
});
const isReady = () =>
  fetch(`http://127.0.0.1:${adminPort}/readyz`).then(
    ({ ok }) => ok,
    () => false,
  );
while (!(await isReady())) await new Promise((resolve) => setTimeout(resolve, 50));

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
node.kill('SIGTERM');
