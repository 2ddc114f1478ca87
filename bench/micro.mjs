// What the core costs by itself: a lifecycle event through the table, an actor's turn with one message, an idle actor.
//   node --expose-gc micro.mjs
import { performance } from 'node:perf_hooks';
import { connectionChart } from '../dist/actors/connection/pulse.js';
import { ActorSystem } from '../dist/runtime/system.js';

const RUNS = 7;

/** The median of some runs, in nanoseconds each; the first run only warms up. */
function measure(times, run) {
  const found = [];
  for (let at = 0; at <= RUNS; at++) {
    const began = performance.now();
    run(times);
    if (at > 0) found.push(((performance.now() - began) * 1e6) / times);
  }
  return found.toSorted((a, b) => a - b)[RUNS >> 1];
}

const cycle = ['welcomed', 'quiet', 'silence', 'heard', 'quiet', 'silence', 'heard'];
const events = measure(3_000_000, (times) => {
  let state = connectionChart.initial;
  let effects = 0;
  for (let at = 0; at < times; at++) {
    const edge = state.edges[cycle[at % cycle.length]];
    state = edge.to;
    for (const effect of edge.effects) if (effect.type === 'arm') effects++;
  }
  if (effects === 0) throw new Error('nothing was armed');
});

/** A system whose slices run when told to. */
function makeSystem() {
  let soon = [];
  const clock = {
    now: () => performance.now(),
    wall: () => Date.now(),
    wakeAfter: () => {},
    soon: (run) => soon.push(run),
  };
  const nothing = () => {};
  const system = new ActorSystem({
    clock,
    entropy: { random: Math.random, uuid: () => '' },
    sockets: { flush: nothing, dirty: 0 },
    placement: { self: 'n1.x', ownerOf: () => 'n1.x' },
    bus: { connect: nothing, send: () => false, flush: nothing },
    store: {},
    tokens: {},
    telemetry: { count: nothing, log: nothing },
  });
  const settle = () => {
    while (soon.length > 0) {
      const due = soon;
      soon = [];
      for (const run of due) run();
    }
  };
  return { system, settle };
}

const counter = { kind: 'counter', mailboxMax: 64, supervision: 'restart', placement: 'node' };
const { system, settle } = makeSystem();
system.register({ ...counter, start: () => [{ count: 0 }, []], step: (state) => (state.count++, []) });
const turns = measure(200_000, (times) => {
  // One message for one actor at a time: each is a turn, and a slice, of its own.
  for (let at = 0; at < times; at++) {
    system.tell('counter:x', { type: 'one' });
    settle();
  }
});
const bursts = measure(300_000, (times) => {
  for (let at = 0; at < times; at += 50) {
    for (let n = 0; n < 50; n++) system.tell(`counter:${n}`, { type: 'one' });
    settle();
  }
});

let bytes;
if (globalThis.gc) {
  const idle = makeSystem();
  idle.system.register({ ...counter, start: () => [{ count: 0 }, []], step: (state) => (state.count++, []) });
  const addresses = Array.from({ length: 100_000 }, (_, n) => `counter:idle-${n}`);
  globalThis.gc();
  const before = process.memoryUsage().heapUsed;
  for (const address of addresses) idle.system.tell(address, { type: 'one' });
  idle.settle();
  globalThis.gc();
  bytes = Math.round((process.memoryUsage().heapUsed - before) / addresses.length);
}

console.log(
  JSON.stringify({
    node: process.version,
    lifecycleEventNs: +events.toFixed(1),
    turnAloneNs: Math.round(turns),
    turnOfFiftyNs: Math.round(bursts),
    idleActorBytes: bytes,
  }),
);
