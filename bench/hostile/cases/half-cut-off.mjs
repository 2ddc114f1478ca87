import { once } from 'node:events';
import { connect } from 'node:net';
import { gather } from '../crowd.mjs';

export const name = 'half-cut-off';
export const what = 'half of a room of 4,000 is cut off at once, without a close';

/** The crowd comes from one address. */
export const settings = { VAGUS_CONNECTIONS_PER_SECOND: '0' };

export const isCrowd = true;
export const lasts = 3;
export const stage = (world) => gather(world, 4_000);

export async function attack({ staged, signal }) {
  connect(staged.port, '127.0.0.1').on('error', () => {});
  if (!signal.aborted) await once(signal, 'abort');
}
