import { frame, swarm } from '../swarm.mjs';

export const name = 'unfinished';
export const what = '20 connections of one user hold 60 fragments of a kilobyte each, and ping to stay';

const PIECE = frame({ opcode: 0x0, isLast: false, payload: 'x'.repeat(1_000) });
const PING = frame({ opcode: 0x9 });

export const attack = (world) =>
  swarm(world, (ws) => {
    ws._socket.write(frame({ opcode: 0x1, isLast: false, payload: '{"pad":"' }));
    for (let n = 0; n < 59; n++) ws._socket.write(PIECE);
    const timer = setInterval(() => ws._socket.write(PING), 200);
    ws.once('close', () => clearInterval(timer));
  });
