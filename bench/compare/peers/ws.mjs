// A room server on `ws` that does as well as one can on it: a message becomes a frame once, the frames of one turn are joined
// once a room, and every member gets the same buffer in one write. It stores nothing, checks nothing and asks for no token.
import { Sender, WebSocketServer } from 'ws';

const rooms = new Map();
let dirty = [];

const framed = (value) => {
  const options = { fin: true, rsv1: false, opcode: 1, mask: false, readOnly: true };
  return Buffer.concat(Sender.frame(Buffer.from(JSON.stringify(value)), options));
};

/** Puts a frame where the next flush finds it: `to` is a room, or a member for what is his alone. */
function put(to, frame) {
  if (dirty.length === 0) setImmediate(flush);
  if (to.frames.push(frame) === 1) dirty.push(to);
}

function flush() {
  const turn = dirty;
  dirty = [];
  const ofMembers = turn.filter(({ members }) => !members);
  for (const room of turn) {
    if (!room.members) continue;
    const bytes = joined(room);
    // A member that has an ack waiting gets both in one write.
    for (const member of room.members)
      if (member.frames.length > 0) member.frames.push(bytes);
      else member.socket.write(bytes);
  }
  for (const member of ofMembers) member.socket.write(joined(member));
}

function joined(to) {
  const { frames } = to;
  to.frames = [];
  return frames.length === 1 ? frames[0] : Buffer.concat(frames);
}

function handle(member, { type, id, room: name, content }) {
  const room = rooms.get(name) ?? { members: new Set(), frames: [] };
  if (type === 'join') {
    rooms.set(name, room);
    room.members.add(member);
    member.rooms.add(name);
    put(member, framed({ type: 'joined' }));
  } else {
    put(room, framed({ type: 'chat', room: name, content }));
    put(member, framed({ type: 'ack', id }));
  }
}

function leave(member) {
  for (const name of member.rooms) {
    const { members } = rooms.get(name);
    members.delete(member);
    if (members.size === 0) rooms.delete(name);
  }
}

const server = new WebSocketServer({
  port: Number(process.env.PORT),
  host: '127.0.0.1',
  backlog: 4_096,
  perMessageDeflate: false,
  clientTracking: false,
});
server.on('connection', (ws) => {
  const member = { socket: ws._socket, frames: [], rooms: new Set() };
  ws.on('message', (data) => handle(member, JSON.parse(data)));
  ws.on('close', () => leave(member));
  ws.on('error', () => {});
});
