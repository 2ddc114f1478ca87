import { setTimeout as sleep } from 'node:timers/promises';
import { gather, ROOM } from '../crowd.mjs';
import { connect } from '../swarm.mjs';

export const name = 'leave-and-rejoin';
export const what =
  'one connection leaves a room of 4,000 and comes back, ten requests a second, as LM2 lets it';

/** The crowd is not the attacker: it comes from one address, and faster than an attacker may. */
export const settings = { VAGUS_CONNECTIONS_PER_SECOND: '0' };

export const isCrowd = true;
export const stage = (world) => gather(world, 4_000);

export async function attack(world) {
  const ws = await connect(world);
  while (!world.signal.aborted) {
    for (const type of ['join', 'leave']) {
      ws?.send(JSON.stringify({ type, room: ROOM, id: type }));
      await sleep(101);
    }
  }
  ws?.terminate();
}
