import type { Channel } from '../protocol/channels.ts';
import type { Bus } from '../runtime/ports/bus.ts';

/** The bus of the one node there is: what is published reaches its own relay, or nobody. */
export class SimBus implements Bus {
  readonly #node: string;
  readonly #deliver: (channel: Channel, message: unknown) => void;

  constructor(node: string, deliver: (channel: Channel, message: unknown) => void) {
    this.#node = node;
    this.#deliver = deliver;
  }

  publish(nodes: readonly string[], channel: Channel, message: unknown): void {
    if (nodes.includes(this.#node)) this.#deliver(channel, message);
  }
}
