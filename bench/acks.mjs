// Acked messages a second, and how long an ack takes: clients in a process of their own, one connection a room.
//   node acks.mjs URL SECRET {"rooms":200,"seconds":5,"inFlight":64}      closed loop: that many in flight in all
//   node acks.mjs URL SECRET {"rooms":200,"seconds":10,"rate":1000}       open loop: so many a second, evenly
// Prints one JSON line. In the open loop a message's time counts from when it was due.
import { randomBytes } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { WebSocket } from 'ws';
import { token } from './token.mjs';

const [url, secret, json] = process.argv.slice(2);
const { rooms, seconds, inFlight = 0, rate = 0, warm = 1 } = JSON.parse(json);
const run = randomBytes(4).toString('hex');
const content = 'x'.repeat(100);

const waiting = new Map();
const times = [];
let acked = 0;
let failed = 0;
let measuring = false;
let next = 0;

function connect(n) {
  return new Promise((resolve, reject) => {
    const ws = new WebSocket(url, {
      headers: { authorization: `Bearer ${token(`u${n}`, secret)}` },
      perMessageDeflate: false,
    });
    ws.on('error', reject);
    ws.on('message', (data) => {
      const text = data.toString();
      if (text.startsWith('{"type":"ack"') || text.startsWith('{"type":"error"')) replied(JSON.parse(text));
      else if (text.includes('"action":"welcome"')) resolve(ws);
    });
  });
}

function replied(frame) {
  const due = waiting.get(frame.id);
  if (due === undefined) return;
  waiting.delete(frame.id);
  if (frame.type === 'error') failed++;
  else if (measuring) {
    acked++;
    times.push(performance.now() - due);
  }
  if (inFlight) send(performance.now());
}

let id = 0;
function send(due) {
  const ws = sockets[next++ % sockets.length];
  const key = `${run}-${id++}`;
  waiting.set(key, due);
  ws.send(`{"type":"chat","room":"${ws.room}","id":"${key}","content":"${content}"}`);
}

const sockets = [];
for (let n = 0; n < rooms; n += 50) {
  sockets.push(
    ...(await Promise.all(Array.from({ length: Math.min(50, rooms - n) }, (_, at) => connect(n + at)))),
  );
}
await Promise.all(
  sockets.map((ws, n) => {
    ws.room = `bench-${run}-${n}`;
    ws.send(JSON.stringify({ type: 'join', id: `j${n}`, room: ws.room }));
    return new Promise((resolve) => {
      ws.on('message', function joined(data) {
        if (!data.toString().includes(`"id":"j${n}"`)) return;
        ws.off('message', joined);
        resolve();
      });
    });
  }),
);

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
let stop = () => {};
if (inFlight) for (let n = 0; n < inFlight; n++) send(performance.now());
else {
  const began = performance.now();
  let sent = 0;
  const timer = setInterval(() => {
    const due = Math.floor(((performance.now() - began) * rate) / 1_000);
    while (sent < due) send(began + (sent++ * 1_000) / rate);
  }, 1);
  stop = () => clearInterval(timer);
}
await sleep(warm * 1_000);
const cpu = process.cpuUsage();
measuring = true;
const from = performance.now();
await sleep(seconds * 1_000);
measuring = false;
const elapsed = (performance.now() - from) / 1_000;
stop();
const used = process.cpuUsage(cpu);
times.sort((a, b) => a - b);
const at = (share) => +(times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0).toFixed(2);
console.log(
  JSON.stringify({
    ackedPerSecond: Math.round(acked / elapsed),
    p50Ms: at(0.5),
    p99Ms: at(0.99),
    maxMs: at(1),
    failed,
    clientCpu: +((used.user + used.system) / 1e6 / elapsed).toFixed(2),
  }),
);
process.exit(failed ? 1 : 0);
