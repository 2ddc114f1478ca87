#!/usr/bin/env bash
# prom-client 15.1.3, with nothing but its own collectDefaultMetrics(): each scrape lists every open socket of the process, on the
# thread that serves them. One scrape reads all names of /proc/self/fd with readdirSync, and asks Node.js for the list of active
# handles twice, of active resources twice, and of active requests twice, one for each pair of gauges. So a scrape of a server
# with many connections takes longer with each of them: with 8,000 sockets 18 ms of the thread here, in which nobody is served.
# Seen on Node.js 20.20.2, Linux. Needs npm and /proc. Fails when any of that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --prefix "$folder" prom-client@15.1.3 >/dev/null
cat >scrape.cjs <<'JS'
const fs = require('node:fs');
const net = require('node:net');
const PAIRS = 200;
const asked = {};
/** Counts the lists that have all the sockets in them. */
function count(object, name) {
  const real = object[name];
  object[name] = function (...args) {
    const list = real.apply(this, args);
    asked[name] ??= { lists: 0, shortest: Infinity };
    asked[name].lists++;
    asked[name].shortest = Math.min(asked[name].shortest, list.length);
    return list;
  };
}
count(fs, 'readdirSync');
for (const name of ['_getActiveHandles', '_getActiveRequests', 'getActiveResourcesInfo']) count(process, name);
const { collectDefaultMetrics, Registry } = require('prom-client');
const registry = new Registry();
collectDefaultMetrics({ register: registry });
const server = net.createServer().listen(0, '127.0.0.1', async () => {
  for (let n = 0; n < PAIRS; n++) {
    await new Promise((resolve) => net.connect(server.address().port, '127.0.0.1', resolve));
  }
  for (const name of Object.keys(asked)) delete asked[name];
  await registry.metrics();
  for (const [name, { lists, shortest }] of Object.entries(asked).sort()) {
    console.log(`${name} ${lists} ${shortest >= 2 * PAIRS ? 'all sockets' : 'no sockets'}`);
  }
  process.exit(0);
});
JS
said=$(node scrape.cjs)
expected='_getActiveHandles 2 all sockets
_getActiveRequests 2 no sockets
getActiveResourcesInfo 2 all sockets
readdirSync 1 all sockets'
echo "one scrape with 400 open sockets asks for these lists:"
echo "$said"
[ "$said" = "$expected" ] || { echo "CHANGED: expected" && echo "$expected" && exit 1; }
echo "as described"
