// Two builds, and peers if asked for, beside each other: `node bench/compare.mjs --base DIR`, see README.md. Linux only.
//
// A run has a fresh server on core 0 and its clients on core 1, where PostgreSQL should be too, and a database of its own. The
// sides take turns, this one first in one round and last in the next (ABBA), so that neither always has the later, warmer or
// noisier moment. A round during which the rest of the machine used more than --quiet cores is done once more, while there have
// been fewer of these than pairs; after that it counts, and the report says how many did. What the pairs say is in compare/pairs.mjs. A run in which a message is lost, doubled or out of order has no
// figure; with it its scenario has none, and the runner ends with 1.
import { fork } from 'node:child_process';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { withDatabase } from './compare/database.mjs';
import { summarize, write } from './compare/report.mjs';
import { SCENARIOS } from './compare/scenarios.mjs';
import { buildSide, peerSide } from './compare/sides.mjs';
import { pinned } from './server.mjs';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const stop = (why) => {
  console.error(`compare: ${why}`);
  process.exit(1);
};

const { values } = parseArgs({
  options: {
    base: { type: 'string' },
    this: { type: 'string', default: here('..') },
    peers: { type: 'string', default: '' },
    scenario: { type: 'string', default: 'echo,lone,rooms,idle,handshake' },
    pairs: { type: 'string', default: '9' },
    warm: { type: 'string' },
    seconds: { type: 'string' },
    quiet: { type: 'string', default: '0.2' },
    json: { type: 'boolean', default: false },
  },
});
// Who stops this stops the run, whose server ends with it, and the database of the run is dropped as after any other.
let running;
let isStopped = false;
for (const signal of ['SIGINT', 'SIGTERM'])
  process.on(signal, () => {
    isStopped = true;
    running?.kill('SIGKILL');
  });

const names = (list) => list.split(',').filter(Boolean);

/** One run in a process of its own, which is gone when this one is. */
function runOnce(side, scenario, databaseUrl) {
  const options = {
    ...(values.warm && { warm: Number(values.warm) }),
    ...(values.seconds && { seconds: Number(values.seconds) }),
  };
  const [execPath, ...execArgv] = pinned(1, [process.execPath]);
  running = fork(here('compare/run.mjs'), [JSON.stringify({ side, scenario, databaseUrl, options })], {
    execPath,
    execArgv,
    stdio: ['ignore', 2, 2, 'ipc'],
  });
  return new Promise((resolve) => {
    let answer = { refused: 'the run ended without a figure' };
    running.once('message', (message) => (answer = message));
    running.once('exit', () => resolve(answer));
  });
}

/** One run of each side, and what the rest of the machine used at most meanwhile, in cores. */
async function runRound(name, sides, order) {
  const round = {};
  for (const side of order) {
    const given = sides[side];
    const run = (url) => runOnce(given, name, url);
    const { figures, others, refused } = given.cli
      ? await withDatabase(process.env.DATABASE_URL, run)
      : await run();
    if (refused) throw new Error(`no figure of ${given.name}: ${refused}`);
    round[side] = { ...figures, others };
  }
  return { round, others: Math.max(...Object.values(round).map(({ others }) => others)) };
}

async function runAll(name, sides, pairs) {
  const runs = Object.fromEntries(Object.keys(sides).map((side) => [side, []]));
  let [done, repeats, disturbed] = [0, 0, 0];
  while (done < pairs) {
    const order = Object.keys(sides);
    const { round, others } = await runRound(name, sides, done % 2 === 0 ? order : order.toReversed());
    const isDisturbed = others > quiet;
    const isRepeated = isDisturbed && repeats < pairs;
    if (isRepeated) repeats++;
    else {
      done++;
      if (isDisturbed) disturbed++;
      for (const side of order) runs[side].push(round[side]);
    }
    const costs = order.map((side) => `${sides[side].name} ${round[side].cpuUs.toFixed(1)} µs`).join(', ');
    const rest = `${others.toFixed(2)} cores for other work${isRepeated ? ', once more' : ''}`;
    console.error(`${name} ${done}/${pairs}: ${costs}; ${rest}`);
  }
  return { runs, disturbed };
}

function readSides() {
  const sides = { this: buildSide(values.this) };
  if (values.base !== undefined) sides.base = buildSide(values.base);
  for (const name of names(values.peers)) sides[name] = peerSide(name);
  return sides;
}

if (process.platform !== 'linux') stop('it reads the CPU of a server from /proc, which only Linux has');
if (!process.env.DATABASE_URL) stop('set DATABASE_URL to a PostgreSQL in which databases may be made');
const pairs = Number(values.pairs);
const quiet = Number(values.quiet);
if (!(pairs >= 1)) stop('--pairs is a number from 1 on');
if (!(quiet >= 0)) stop('--quiet is a number of cores');
const scenarios = names(values.scenario);
const unknown = scenarios.find((name) => !Object.hasOwn(SCENARIOS, name));
if (unknown) stop(`there is no scenario ${unknown}; there are ${Object.keys(SCENARIOS).join(', ')}`);
let sides;
try {
  sides = readSides();
} catch (error) {
  stop(error.message);
}

const found = {};
for (const name of scenarios) {
  if (isStopped) break;
  try {
    found[name] = summarize(SCENARIOS[name], await runAll(name, sides, pairs));
    if (!values.json) console.log(write(name, SCENARIOS[name], found[name], sides));
  } catch (error) {
    found[name] = { what: SCENARIOS[name].what, refused: error.message };
    process.exitCode = 1;
    if (!values.json) console.log(`${name}: ${error.message}\n`);
  }
}
if (values.json) {
  const machine = { cpu: cpus()[0]?.model, cores: cpus().length, node: process.version };
  const called = Object.fromEntries(Object.entries(sides).map(([side, { name }]) => [side, name]));
  console.log(
    JSON.stringify(
      { at: new Date().toISOString(), ...machine, pairs, sides: called, scenarios: found },
      null,
      2,
    ),
  );
}
