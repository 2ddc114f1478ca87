import { fill, ROOM, settings as more } from '../large-room.mjs';
import { frame, swarm } from '../swarm.mjs';

export const name = 'histories';
export const what =
  '20 connections of one user read the history of a room of large messages, as often as they may';
export const settings = more;
export const stage = fill;

/** 600 a minute, and those of a first minute at once. */
const EVERY_MS = 100;
const AT_ONCE = 50;

const HISTORY = frame({
  opcode: 0x1,
  payload: JSON.stringify({ type: 'history', id: 'h', room: ROOM, after: 0, limit: 200 }),
});

export const attack = (world) =>
  swarm(world, (ws) => {
    const read = () => ws._socket.write(HISTORY);
    for (let n = 0; n < AT_ONCE; n++) read();
    const timer = setInterval(read, EVERY_MS);
    ws.once('close', () => clearInterval(timer));
  });
