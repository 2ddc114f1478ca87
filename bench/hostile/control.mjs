// What a case is compared with: a bare `ws` server that parses what it is sent, acks chats and gives them to the room.
// It checks nothing, and has no limits but those of `ws` itself. It keeps nothing either; with DATABASE_URL it stores each chat
// with an INSERT before it acks it, in the plainest way. GET /memory says how it is.
import { createServer } from 'node:http';
import pg from 'pg';
import { WebSocketServer } from 'ws';

const rooms = new Map();
const database = process.env.DATABASE_URL
  ? new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 1 })
  : undefined;
await database?.query(
  `drop table if exists vagus_control;
   create table vagus_control (room text, seq bigint, id text, content text, primary key (room, seq))`,
);
const http = createServer((request, response) => {
  if (request.url !== '/memory')
    return void request.resume().on('end', () => response.writeHead(404).end('{}'));
  const { heapUsed: heap, rss } = process.memoryUsage();
  response.end(JSON.stringify({ heap, rss }));
});
const server = new WebSocketServer({
  server: http,
  perMessageDeflate: false,
  maxPayload: 65_536,
  clientTracking: false,
});

server.on('connection', (ws) => {
  const joined = new Set();
  ws.on('error', () => {});
  ws.on('close', () => {
    for (const room of joined) room.delete(ws);
  });
  ws.on('message', (data) => {
    const frame = read(data);
    if (frame?.type === 'chat') void chat(ws, frame);
    else if (frame?.type === 'join') {
      const room = rooms.get(frame.room) ?? new Set();
      rooms.set(frame.room, room.add(ws));
      joined.add(room);
      answer(ws, frame, {});
    } else if (frame) answer(ws, frame, {});
  });
  ws.send('{"type":"notification","action":"welcome","data":{}}');
});

function read(data) {
  try {
    return JSON.parse(data.toString());
  } catch {
    return undefined;
  }
}

async function chat(ws, { id, room: name, content }) {
  const room = rooms.get(name) ?? new Set();
  room.head = (room.head ?? 0) + 1;
  const { head: seq } = room;
  if (database)
    await database.query({
      name: 'store',
      text: 'insert into vagus_control values ($1, $2, $3, $4)',
      values: [name, seq, id, content],
    });
  const text = JSON.stringify({ type: 'chat', room: name, seq, id, content });
  for (const member of room) member.send(text);
  answer(ws, { id }, { seq });
}

function answer(ws, { id }, fields) {
  if (id !== undefined) ws.send(JSON.stringify({ type: 'ack', id, ...fields }));
}

http.listen(Number(process.env.PORT), '127.0.0.1');
