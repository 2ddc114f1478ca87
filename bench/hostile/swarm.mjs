import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'ws';

// What attackers are made of. They keep within what one user may open (LM3, LM6): 20 connections, 5 new ones a second.

const CONNECTIONS = 20;
const PACE_MS = 210;

/** One frame as a client sends it, masked with zeros so that it can be made once and sent often. */
export function frame({ opcode, isLast = true, payload = '' }) {
  const body = Buffer.from(payload);
  const head = body.length < 126 ? [body.length] : [126, body.length >> 8, body.length & 255];
  const [first, ...more] = head;
  return Buffer.concat([
    Buffer.from([(isLast ? 0x80 : 0) | opcode, 0x80 | first, ...more, 0, 0, 0, 0]),
    body,
  ]);
}

/** A connection that is open; undefined when it was refused. */
export async function connect({ url, token, from }) {
  const ws = new WebSocket(url, {
    headers: { authorization: `Bearer ${token}` },
    localAddress: from,
    perMessageDeflate: false,
  });
  ws.on('error', () => {});
  const isOpen = await Promise.race([
    once(ws, 'open').then(() => true),
    once(ws, 'close').then(() => false),
  ]).catch(() => false);
  return isOpen ? ws : undefined;
}

/** Keeps as many connections open as a user may, and has each of them do its worst. */
export async function swarm(world, doItsWorst) {
  let open = 0;
  const all = new Set();
  const one = async () => {
    open++;
    const ws = await connect(world);
    if (!ws) return void open--;
    all.add(ws);
    ws.once('close', () => {
      open--;
      all.delete(ws);
    });
    doItsWorst(ws, world);
  };
  while (!world.signal.aborted) {
    if (open < CONNECTIONS) void one();
    await sleep(PACE_MS);
  }
  for (const ws of all) ws.terminate();
}

/** Writes the same bytes for as long as the socket takes them, below `ws`, which would count and copy. */
export function flood(ws, bytes) {
  const { _socket: socket } = ws;
  const go = () => {
    for (let n = 0; n < 16; n++) if (socket.destroyed || !socket.write(bytes)) return;
    setImmediate(go);
  };
  socket.on('drain', go);
  go();
}

export const unique = () => randomBytes(6).toString('hex');
