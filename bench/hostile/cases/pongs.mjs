import { flood, frame, swarm } from '../swarm.mjs';

export const name = 'pongs';
export const what = '20 connections of one user send protocol pongs as fast as they can';

const PONGS = Buffer.concat(Array.from({ length: 8_000 }, () => frame({ opcode: 0xa })));

export const attack = (world) => swarm(world, (ws) => flood(ws, PONGS));
