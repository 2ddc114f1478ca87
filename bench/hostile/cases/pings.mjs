import { flood, frame, swarm } from '../swarm.mjs';

export const name = 'pings';
export const what = '20 connections of one user send pings of 125 bytes, and read no answer';

const PINGS = Buffer.concat(
  Array.from({ length: 500 }, () => frame({ opcode: 0x9, payload: 'x'.repeat(125) })),
);

export const attack = (world) =>
  swarm(world, (ws) => {
    ws.pause();
    flood(ws, PINGS);
  });
