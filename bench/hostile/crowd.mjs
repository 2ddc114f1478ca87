// A crowd in one room, a process of its own: `node crowd.mjs WORLD SIZE`, the world as JSON, as a child with a channel. It
// says when all are in, and a port: whoever connects to it cuts off half of the crowd. It ends with its connections.
import { createServer } from 'node:net';
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { WebSocket } from 'ws';
import { canPin } from '../server.mjs';
import { token } from '../token.mjs';

const WIDE = 64;
export const ROOM = 'crowd';

/**
 * For a case's `stage`: resolves with the port once the crowd is there. It takes no time of the node's core, and none that
 * the bystanders need: theirs is measured.
 */
export function gather({ url, secret }, size) {
  const [execPath, ...execArgv] = canPin
    ? ['taskset', '-c', '1', 'nice', '-n', '19', process.execPath]
    : [process.execPath];
  const args = [JSON.stringify({ url, secret }), String(size)];
  const child = fork(fileURLToPath(import.meta.url), args, { execPath, execArgv });
  return new Promise((resolve, reject) => {
    child.once('message', resolve);
    child.once('exit', () => reject(new Error('the crowd did not come together')));
  });
}

function enter({ url, secret }, n) {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${token(`crowd${n}`, secret)}` };
    const ws = new WebSocket(url, { headers, perMessageDeflate: false });
    ws.once('error', reject);
    ws.once('open', () => ws.send(JSON.stringify({ type: 'join', id: 'in', room: ROOM })));
    ws.on('message', function heard(data) {
      if (!data.includes('"id":"in"')) return;
      ws.off('message', heard);
      ws.off('error', reject);
      ws.on('error', () => {});
      resolve(ws);
    });
  });
}

async function crowd(world, size) {
  const all = [];
  while (all.length < size) {
    const some = Array.from({ length: Math.min(WIDE, size - all.length) }, (_, at) =>
      enter(world, all.length + at),
    );
    all.push(...(await Promise.all(some)));
  }
  let open = size;
  for (const ws of all) ws.once('close', () => --open === 0 && process.exit());
  const server = createServer((socket) => {
    socket.destroy();
    for (const ws of all.splice(0, size / 2)) ws.terminate();
  });
  server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }));
  process.on('disconnect', () => process.exit());
}

if (process.argv[1] === fileURLToPath(import.meta.url) && process.send)
  await crowd(JSON.parse(process.argv[2]), Number(process.argv[3]));
