import { flood, frame, swarm } from '../swarm.mjs';

export const name = 'fragments';
export const what = '20 connections of one user send a message in fragments of one byte that never ends';

const FIRST = frame({ opcode: 0x1, isLast: false, payload: '{' });
const MORE = Buffer.concat(
  Array.from({ length: 4_000 }, () => frame({ opcode: 0x0, isLast: false, payload: ' ' })),
);

export const attack = (world) =>
  swarm(world, (ws) => {
    ws._socket.write(FIRST);
    flood(ws, MORE);
  });
