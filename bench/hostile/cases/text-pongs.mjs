import { flood, frame, swarm } from '../swarm.mjs';

export const name = 'text-pongs';
export const what =
  '20 connections of one user send heartbeat pongs in frames of 60 KB, which have to be parsed';

const keys = Array.from({ length: 6_000 }, (_, n) => `"k${n}":1`).join(',');
const PONG = frame({ opcode: 0x1, payload: `{"type":"heartbeat","status":"pong",${keys}}` });

export const attack = (world) => swarm(world, (ws) => flood(ws, PONG));
