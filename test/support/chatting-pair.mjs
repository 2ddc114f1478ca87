// Two clients that chat, in a process of their own: what they measure is the node's time, not that of a busy test.
import { WebSocket } from 'ws';

const { url, tokens, room, bytes } = JSON.parse(process.argv[2]);

async function join(token) {
  const ws = new WebSocket(url, { headers: { authorization: `Bearer ${token}` }, perMessageDeflate: false });
  const client = { ws, seen: [], closed: undefined, onAck: () => {} };
  ws.on('close', (code) => (client.closed = code));
  ws.on('error', () => {});
  await new Promise((resolve) => {
    ws.on('message', (data) => {
      const frame = JSON.parse(data);
      if (frame.action === 'welcome') ws.send(JSON.stringify({ type: 'join', id: 'join', room }));
      if (frame.type === 'chat') client.seen.push(Number(frame.content.split(' ')[0]));
      if (frame.id === 'join') resolve();
      else if (frame.type === 'ack' || frame.type === 'error') client.onAck(frame);
    });
  });
  return client;
}

const [ann, ben] = [await join(tokens[0]), await join(tokens[1])];
const acksMs = [];
const refused = [];
const order = { isToStop: false };
process.on('message', () => (order.isToStop = true));
process.once('disconnect', () => process.exit());
process.send('ready');

let sent = 0;
while (!order.isToStop) {
  const began = performance.now();
  const content = `${++sent} ${'x'.repeat(bytes)}`;
  const answer = await new Promise((resolve) => {
    ann.onAck = resolve;
    ann.ws.send(JSON.stringify({ type: 'chat', id: `m${sent}`, room, content }));
  });
  acksMs.push(performance.now() - began);
  if (answer.type !== 'ack') refused.push(answer);
  await new Promise((resolve) => setTimeout(resolve, 10));
}
const end = Date.now() + 5_000;
while ((ann.seen.at(-1) !== sent || ben.seen.at(-1) !== sent) && Date.now() < end) {
  await new Promise((resolve) => setTimeout(resolve, 20));
}
process.send({ sent, refused, acksMs, seen: [ann.seen, ben.seen], closed: [ann.closed, ben.closed] });
