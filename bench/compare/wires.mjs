// How the same is said to each server. A step is a frame to send, and a part of the one to wait for. Content holds no quotes.

/** Vagus: docs/protocol.md. */
export const VAGUS = {
  path: '/ws',
  opens: [{ expect: '"action":"welcome"' }],
  join: (room) => ({ send: `{"type":"join","id":"join","room":"${room}"}`, expect: '"id":"join"' }),
  chat: (room, n, content) => `{"type":"chat","id":"${n}","room":"${room}","content":"${content}"}`,
  ack: /^\{"type":"ack","id":"(\d+)"/,
  refusal: '{"type":"error"',
};

/** The few frames of peers/ws.mjs. */
export const PLAIN = {
  path: '/',
  opens: [],
  join: (room) => ({ send: `{"type":"join","room":"${room}"}`, expect: '"joined"' }),
  chat: (room, n, content) => `{"type":"chat","id":${n},"room":"${room}","content":"${content}"}`,
  ack: /^\{"type":"ack","id":(\d+)/,
};

/** Socket.IO 4 over WebSocket alone: events `join` and `chat`, acks by number. */
export const SOCKET_IO = {
  path: '/socket.io/?EIO=4&transport=websocket',
  opens: [{ expect: '0{' }, { send: '40', expect: '40{' }],
  join: (room) => ({ send: `42999999999["join","${room}"]`, expect: '43999999999[' }),
  chat: (room, n, content) => `42${n}["chat","${room}","${content}"]`,
  ack: /^43(\d+)\[/,
  ping: '2',
  pong: '3',
};
