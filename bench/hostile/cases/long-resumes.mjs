import { flood, frame, swarm } from '../swarm.mjs';

export const name = 'long-resumes';
export const what = '20 connections of one user send a resume of 6,000 names, again and again';

const channels = Object.fromEntries(Array.from({ length: 6_000 }, (_, n) => [`r${n}`, n % 10]));
const RESUME = frame({ opcode: 0x1, payload: JSON.stringify({ type: 'resume', channels }) });

export const attack = (world) => swarm(world, (ws) => flood(ws, RESUME));
