import { flood, frame, swarm } from '../swarm.mjs';

export const name = 'long-creates';
export const what = '20 connections of one user send a create with 12,000 members, again and again';

const members = Array.from({ length: 12_000 }, (_, n) => String(n % 100).padStart(2, '0'));
const CREATE = frame({ opcode: 0x1, payload: JSON.stringify({ type: 'create', access: 'public', members }) });

export const attack = (world) => swarm(world, (ws) => flood(ws, CREATE));
