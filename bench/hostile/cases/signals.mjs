import { flood, frame, swarm } from '../swarm.mjs';

export const name = 'signals';
export const what = '20 connections of one user send signals far over their limit';

const data = Object.fromEntries(Array.from({ length: 250 }, (_, n) => [`key${n}`, n]));
const SIGNALS = Buffer.concat(
  Array.from({ length: 20 }, () =>
    frame({ opcode: 0x1, payload: JSON.stringify({ type: 'signal', room: 'calm', data }) }),
  ),
);

export const attack = (world) =>
  swarm(world, (ws) => {
    ws.send('{"type":"join","room":"calm"}');
    flood(ws, SIGNALS);
  });
