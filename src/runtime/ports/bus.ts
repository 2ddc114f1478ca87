import type { Channel } from '../../protocol/channels.ts';

/** Publications to the relays of a channel, in order per pair of nodes; at most once. */
export interface Bus {
  publish(nodes: readonly string[], channel: Channel, message: unknown): void;
}
