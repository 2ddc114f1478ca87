// What one room costs as it grows: filling it, one who leaves and comes back, half of it cut off. Needs a build and a PostgreSQL:
//   DATABASE_URL=postgres://… taskset -c 1 node growth.mjs 1000 8000
// Each size has a node of its own. Two bystanders in another room say how long an ack takes meanwhile.
import { WebSocket } from 'ws';
import { startNode } from './node.mjs';
import { token } from './token.mjs';

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
/** First letters of `ack`, `error` and `presence`. */
const REPLIES = new Set([0x61, 0x65, 0x70]);

const round = (value, digits = 1) => +value.toFixed(digits);

class Client {
  #waiting = new Map();
  #ids = 0;

  constructor(ws) {
    this.ws = ws;
    ws.on('message', (data) => {
      // The most of what comes is for all, and is not looked at.
      if (!REPLIES.has(data[9])) return;
      const { id } = JSON.parse(data.toString());
      this.#waiting.get(id)?.();
      this.#waiting.delete(id);
    });
  }

  static connect({ url, secret }, user) {
    return new Promise((resolve, reject) => {
      const headers = { authorization: `Bearer ${token(user, secret)}` };
      const ws = new WebSocket(url, { headers, perMessageDeflate: false });
      ws.once('error', reject);
      ws.once('message', () => {
        ws.off('error', reject);
        ws.on('error', () => {});
        resolve(new Client(ws));
      });
    });
  }

  ask(frame) {
    const id = `${++this.#ids}`;
    const answered = new Promise((resolve) => this.#waiting.set(id, resolve));
    this.ws.send(JSON.stringify({ ...frame, id }));
    return answered;
  }
}

/** Watches the node and the bystanders while something goes on. */
async function during(node, bystanders, act) {
  const before = { cpu: node.cpuMs(), rss: node.rssMb() };
  const acks = [];
  const run = { isOver: false };
  let [rssMax, busyUntil] = [before.rss, 0];
  const began = performance.now();
  const chat = async (client, at) => {
    for (let n = at; !run.isOver; n++) {
      const sent = performance.now();
      await client.ask({ type: 'chat', room: 'aside', content: `${n}` });
      acks.push(performance.now() - sent);
      await sleep(50);
    }
  };
  const watch = async () => {
    let [cpu, at] = [before.cpu, began];
    while (!run.isOver) {
      await sleep(100);
      const [now, used] = [performance.now(), node.cpuMs()];
      if ((used - cpu) / (now - at) > 0.8) busyUntil = now - began;
      [cpu, at] = [used, now];
      rssMax = Math.max(rssMax, node.rssMb());
    }
  };
  const all = [watch(), ...bystanders.map(chat)];
  await act();
  run.isOver = true;
  await Promise.all(all);
  const elapsed = performance.now() - began;
  acks.sort((a, b) => a - b);
  const ack = (share) => round(acks[Math.floor((acks.length - 1) * share)]);
  return {
    cpuMs: Math.round(node.cpuMs() - before.cpu),
    cpuShare: round((node.cpuMs() - before.cpu) / elapsed, 3),
    busyUntilS: round(busyUntil / 1_000),
    rssMb: [Math.round(before.rss), Math.round(rssMax)],
    ackMs: { p50: ack(0.5), p99: ack(0.99) },
  };
}

async function fill(node, members, size) {
  for (let next = members.length; next < size;) {
    const some = Array.from({ length: Math.min(64, size - next) }, async (_, at) => {
      const client = await Client.connect(node, `u${next + at}`);
      await client.ask({ type: 'join', room: 'big' });
      return client;
    });
    members.push(...(await Promise.all(some)));
    next = members.length;
  }
}

async function measure(size) {
  const node = await startNode();
  const say = (what, figures) => console.log(JSON.stringify({ size, what, ...figures }));
  const bystanders = await Promise.all(['x', 'y'].map((user) => Client.connect(node, user)));
  await Promise.all(bystanders.map((client) => client.ask({ type: 'join', room: 'aside' })));
  const members = [];
  for (const to of [size / 4, size / 2, (3 * size) / 4, size]) {
    const [before, began] = [node.cpuMs(), performance.now()];
    const from = members.length;
    await fill(node, members, to);
    const each = ((node.cpuMs() - before) * 1_000) / (to - from);
    say('fill', {
      from,
      to,
      cpuUsEach: Math.round(each),
      seconds: round((performance.now() - began) / 1_000),
    });
  }
  await sleep(6_000);
  say('rest', await during(node, bystanders, () => sleep(5_000)));
  // As often as one connection may ask (LM2): five times a second out and in again.
  const restless = members[0];
  const flap = async () => {
    for (const end = performance.now() + 10_000; performance.now() < end;) {
      const next = sleep(200);
      await restless.ask({ type: 'leave', room: 'big' });
      await restless.ask({ type: 'join', room: 'big' });
      await next;
    }
  };
  say('leave and join', await during(node, bystanders, flap));
  const read = async () => {
    for (let n = 0; n < 20; n++) {
      await restless.ask({ type: 'leave', room: 'big' });
      await restless.ask({ type: 'join', room: 'big' });
      await restless.ask({ type: 'presence', room: 'big' });
    }
  };
  say('leave, join and presence, 20 times', await during(node, bystanders, read));
  await sleep(5_000);
  const cut = async () => {
    for (const { ws } of members.slice(size / 2)) ws.terminate();
    await sleep(28_000);
  };
  say('half cut off', await during(node, bystanders, cut));
  for (const { ws } of [...members, ...bystanders]) ws.terminate();
  await node.stop();
}

for (const size of process.argv.slice(2)) await measure(Number(size));
process.exit(0);
