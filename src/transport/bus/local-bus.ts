import type { Channel } from '../../protocol/channels.ts';
import type { Bus } from '../../runtime/ports/bus.ts';

/** The bus of a node that is alone: what is published reaches its own relay, or nobody. */
export class LocalBus implements Bus {
  readonly #node: string;
  #deliver: (channel: Channel, message: unknown) => void = () => {};

  constructor(node: string) {
    this.#node = node;
  }

  /** Who hears publications; set once the actors exist. */
  connect(deliver: (channel: Channel, message: unknown) => void): void {
    this.#deliver = deliver;
  }

  publish(nodes: readonly string[], channel: Channel, message: unknown): void {
    if (nodes.includes(this.#node)) this.#deliver(channel, message);
  }
}
