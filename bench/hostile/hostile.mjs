// Whether one user within all limits can spoil it for others: `npm run hostile`, or `node bench/hostile/hostile.mjs CASE…`
// after a build; `--calm 10` seconds before the attack, `--seconds 15` of it, `--rest 60` after it. The store is the embedded
// one, or a schema "vagus" of its own in the database of DATABASE_URL, which must be empty.
//
// Each case runs against the node and against a control, a bare `ws` server (control.mjs), each alone on one core; with
// DATABASE_URL also against a control that stores each chat before it acks it, as the node does.
// The attacker is a process of its own on the other core. Eight pairs of bystanders chat meanwhile: they must keep their order
// and lose nothing, and the p99 of their acks may be at most twice the control's, of the slower one. A bare server stores nothing, and
// under a weak attack it is as fast as ever: twice the node's own p99 before the attack is allowed as well. A minute after the
// attack the heap must be within 50 MB of what it was.
//
// A case is a module in cases/, which exports
//   name      what it is called on the command line
//   what      a sentence
//   attack    (world) => a promise that ends soon after world.signal is aborted. The world is { url, port, token, secret, from,
//             signal, staged }: `token` is of the user `mallory`, whose connections come from the address `from`.
//             swarm.mjs has what most need.
//   stage     if it needs something prepared: (world) => what `staged` is then, as JSON. world.databaseUrl is set when the
//             store is not the embedded one
//   isCrowd   what is prepared is a crowd, and the control has it as well
//   lasts     seconds of the attack at most, for what is over at once: its traces are not to be lost among calm seconds
//   settings  environment of the node, for what is no limit of the attacker's
import { spawn, fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { canPin, freePort, pinned } from '../server.mjs';
import { token } from '../token.mjs';
import { Bystanders } from './bystanders.mjs';
import { readCases } from './cases.mjs';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const HEAP_SLACK_MB = 50;
const P99_RATIO_MAX = 2;
const GC = ['--expose-gc', '--import', here('./gc.mjs')];
const MB = 1024 * 1024;
const databaseUrl = process.env.DATABASE_URL;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    calm: { type: 'string', default: '10' },
    seconds: { type: 'string', default: '15' },
    rest: { type: 'string', default: '60' },
  },
});
const calmMs = Number(values.calm) * 1_000;
const attackMs = Number(values.seconds) * 1_000;
const restMs = Number(values.rest) * 1_000;

/** A server on core 0: the `node` as it is installed, the `control`, or the one that is `storing`. */
async function startServer(kind, { settings = {} }) {
  const isControl = kind !== 'node';
  const secret = randomBytes(32).toString('hex');
  const port = await freePort();
  const adminPort = isControl ? port : await freePort();
  const folder = mkdtempSync(join(tmpdir(), 'vagus-hostile-'));
  const program = isControl ? [here('./control.mjs')] : [here('../../dist/cli/main.js'), 'serve'];
  const [command, ...args] = pinned(0, [process.execPath, ...GC, ...program]);
  const env = {
    PATH: process.env.PATH,
    PORT: String(port),
    VAGUS_PORT: String(port),
    VAGUS_ADMIN_PORT: String(adminPort),
    VAGUS_HOST: '127.0.0.1',
    VAGUS_JWT_SECRET: secret,
    VAGUS_DATA_DIR: folder,
    VAGUS_ROOMS_AUTO_CREATE: 'on',
    VAGUS_LOG_LEVEL: 'error',
    VAGUS_DATABASE_FSYNC_OFF: 'allow',
    ...(databaseUrl && kind !== 'control' ? { DATABASE_URL: databaseUrl } : {}),
    ...settings,
  };
  const child = spawn(command, args, { env, stdio: ['ignore', 'inherit', 'inherit'] });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const admin = `http://127.0.0.1:${adminPort}`;
  for (;;) {
    if (child.exitCode !== null) throw new Error(`the ${kind} does not start`);
    const answer = await fetch(`${admin}${isControl ? '/memory' : '/readyz'}`).catch(() => undefined);
    if (answer?.ok) break;
    await sleep(50);
  }
  return {
    url: `ws://127.0.0.1:${port}/ws`,
    port,
    secret,
    databaseUrl,
    isAlive: () => child.exitCode === null && child.signalCode === null,
    memory: () => memory(admin, isControl),
    collect: () => child.kill('SIGUSR2'),
    stop: async () => {
      child.kill(isControl ? 'SIGKILL' : 'SIGTERM');
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Megabytes; undefined when it does not answer in time. */
async function memory(admin, isControl) {
  const given = { signal: AbortSignal.timeout(5_000) };
  const answer = await fetch(`${admin}${isControl ? '/memory' : '/metrics'}`, given).catch(() => undefined);
  if (!answer) return undefined;
  const text = await answer.text();
  if (isControl) return { heap: JSON.parse(text).heap / MB, rss: JSON.parse(text).rss / MB };
  const read = (name) => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]) / MB;
  return { heap: read('nodejs_heap_size_used_bytes'), rss: read('process_resident_memory_bytes') };
}

async function collected(server) {
  server.collect();
  await sleep(500);
  return (await server.memory()) ?? { heap: NaN, rss: NaN };
}

/** The most that a server held, looked at twice a second. */
function watch(server) {
  const most = { heap: 0, rss: 0 };
  const look = async () => {
    const found = await server.memory();
    most.heap = Math.max(most.heap, found?.heap ?? 0);
    most.rss = Math.max(most.rss, found?.rss ?? 0);
  };
  const timer = setInterval(() => void look(), 500);
  return { most, stop: () => clearInterval(timer) };
}

async function attack(one, server, staged) {
  const world = { ...server, staged, token: token('mallory', server.secret), from: '127.0.0.3' };
  const [execPath, ...execArgv] = canPin ? ['taskset', '-c', '1', process.execPath] : [process.execPath];
  const child = fork(here('./attacker.mjs'), [one.name, JSON.stringify(world)], { execPath, execArgv });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  await new Promise((resolve) => child.once('message', resolve));
  await sleep(Math.min(attackMs, (one.lasts ?? Infinity) * 1_000));
  if (child.connected) child.send('end');
  await Promise.race([ended, sleep(5_000, undefined, { ref: false })]);
  child.kill('SIGKILL');
  await ended;
}

async function run(one, kind) {
  const isControl = kind !== 'node';
  const server = await startServer(kind, one);
  const found = { problems: [] };
  try {
    const world = { ...server, token: token('stage', server.secret) };
    const staged = isControl && !one.isCrowd ? undefined : await one.stage?.(world);
    const bystanders = new Bystanders();
    await bystanders.join(server);
    found.before = await collected(server);
    bystanders.start();
    await sleep(calmMs);
    found.calm = bystanders.takeTimes();
    const watched = watch(server);
    await attack(one, server, staged);
    await bystanders.leave();
    watched.stop();
    found.attacked = bystanders.takeTimes();
    found.most = watched.most;
    found.problems = [...new Set(bystanders.problems)];
    if (!isControl) await sleep(restMs);
    if (!server.isAlive()) found.problems.push('the process ended');
    found.after = await collected(server);
  } finally {
    await server.stop();
  }
  return found;
}

function judge(node, control, storing) {
  const problems = [...node.problems];
  const compared = [control.attacked.p99, storing?.attacked.p99, node.calm.p99].map((p99) => p99 || 0);
  const allowed = P99_RATIO_MAX * Math.max(...compared);
  if (!(node.attacked.p99 <= allowed))
    problems.push(`p99 is ${node.attacked.p99.toFixed(0)} ms, of ${allowed.toFixed(0)} allowed`);
  const kept = node.after.heap - node.before.heap;
  if (!(kept <= HEAP_SLACK_MB)) problems.push(`${kept.toFixed(0)} MB of heap are not given back`);
  return problems;
}

const ms = (value) => (value >= 99.5 ? value.toFixed(0) : value.toFixed(1));
const pair = ({ p50, p99 }) => `${ms(p50)}/${ms(p99)}`;
const mb = ({ heap, rss }) => `${heap.toFixed(0)}/${rss.toFixed(0)}`;
const HEAD = ['case', 'calm', 'attacked', 'control', 'storing', 'ratio', 'before', 'at most', 'after', ''];
const WIDTHS = [16, 10, 12, 12, 12, 7, 9, 10, 9, 0];
const line = (cells) =>
  cells
    .map((cell, at) => cell.padEnd(WIDTHS[at]))
    .join('  ')
    .trimEnd();

console.log(
  `p50/p99 of the bystanders' acks in ms; heap/resident memory of the node in MB; ${values.seconds} s of attack\n`,
);
console.log(line(HEAD));
let isBroken = false;
for (const one of await readCases(positionals)) {
  const node = await run(one, 'node');
  const control = await run(one, 'control');
  const storing = databaseUrl ? await run(one, 'storing') : undefined;
  const problems = judge(node, control, storing);
  isBroken ||= problems.length > 0;
  const ratio = (node.attacked.p99 / control.attacked.p99).toFixed(2);
  const controls = [pair(control.attacked), storing ? pair(storing.attacked) : '-'];
  const times = [pair(node.calm), pair(node.attacked), ...controls, ratio];
  const verdict = problems.length === 0 ? 'ok' : problems.join('; ');
  console.log(line([one.name, ...times, mb(node.before), mb(node.most), mb(node.after), verdict]));
}
process.exit(isBroken ? 1 : 0);
