import { flood, frame, swarm } from '../swarm.mjs';

export const name = 'creates';
export const what = '20 connections of one user create rooms with 1,000 members each';

const members = Array.from({ length: 1_000 }, (_, n) => `stranger-${n}`);
const CREATE = frame({
  opcode: 0x1,
  payload: JSON.stringify({ type: 'create', access: 'private', members }),
});

export const attack = (world) => swarm(world, (ws) => flood(ws, CREATE));
