import { readdirSync, readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';

/** Of /proc/stat: a hundredth of a second on every Linux. */
const TICK_MS = 10;

/**
 * What everything else did on the machine from here to the call of what is returned, in cores: the CPU of all cores, the time
 * that the host took away among it, without that of the server, of these clients and of PostgreSQL.
 */
export function watchOthers(server) {
  const before = read(server);
  return () => {
    const after = read(server);
    let others = after.busyMs - before.busyMs - (after.oursMs - before.oursMs);
    for (const [pid, ms] of after.postgres) others -= ms - (before.postgres.get(pid) ?? 0);
    return Math.max(0, others / (after.at - before.at));
  };
}

function read(server) {
  const [, user, nice, system, , , irq, softirq, steal] = readFileSync('/proc/stat', 'utf8')
    .split('\n', 1)[0]
    .split(/ +/)
    .map(Number);
  const own = process.cpuUsage();
  return {
    at: performance.now(),
    busyMs: (user + nice + system + irq + softirq + steal) * TICK_MS,
    oursMs: server.cpuMs() + (own.user + own.system) / 1_000,
    postgres: postgresMs(),
  };
}

/** The CPU of each process of PostgreSQL that is on this machine. */
function postgresMs() {
  const found = new Map();
  for (const pid of readdirSync('/proc')) {
    if (!/^\d+$/.test(pid)) continue;
    try {
      if (!readFileSync(`/proc/${pid}/comm`, 'utf8').startsWith('postgres')) continue;
      const [ns] = readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ');
      found.set(pid, Number(ns) / 1e6);
    } catch {
      // It ended between the two looks.
    }
  }
  return found;
}
