import { fill, ROOM, settings as more } from '../large-room.mjs';
import { frame, swarm } from '../swarm.mjs';

export const name = 'replays';
export const what = '20 connections of one user have the 63 MB of a room replayed, again and again';
export const settings = more;
export const stage = fill;

const request = (fields) =>
  frame({ opcode: 0x1, payload: JSON.stringify({ id: 'r', room: ROOM, ...fields }) });
const REPLAY = Buffer.concat([request({ type: 'leave' }), request({ type: 'join', since: 0 })]);
const EVERY_MS = 1_000;

export const attack = (world) =>
  swarm(world, (ws) => {
    const replay = () => ws._socket.write(REPLAY);
    replay();
    const timer = setInterval(replay, EVERY_MS);
    ws.once('close', () => clearInterval(timer));
  });
