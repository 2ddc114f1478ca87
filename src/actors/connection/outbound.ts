import type { Channel } from '../../protocol/channels.ts';
import { relayAddress } from '../messages/relay.ts';
import type { Effects } from '../kit/effects.ts';
import type { ConnectionContext } from './context.ts';

/**
 * The case of a client that reads more slowly than the node writes (D10, LM7). The node takes no frames from it, the
 * relays stop at the batch that it refused, and once it has read they go on from the log. Without progress the node
 * closes it.
 */
export class Outbound {
  readonly #context: ConnectionContext;
  #isCongested = false;
  /** The bytes that the client had read at the last look; negative before the first. */
  #readBytes = -1;

  constructor(context: ConnectionContext) {
    this.#context = context;
  }

  congested(out: Effects): void {
    if (this.#isCongested) return;
    this.#isCongested = true;
    this.#readBytes = -1;
    this.#context.gate.hold('congested', out);
    out.count('slow_connections');
    out.add({ type: 'measure', connection: this.#context.number, why: 'stall' });
    out.arm('stall', this.#context.options.limits.stallMs);
  }

  drained(channels: Iterable<Channel>, out: Effects): void {
    if (!this.#isCongested) return;
    this.#isCongested = false;
    out.disarm('stall');
    out.add({ type: 'reopen', connection: this.#context.number });
    for (const channel of channels)
      out.tell(relayAddress(channel), { type: 'catchUp', connection: this.#context.number });
    this.#context.gate.release('congested', out);
  }

  /** The stall timer: has anything been read since it was armed? */
  check(out: Effects): void {
    if (this.#isCongested) out.add({ type: 'measure', connection: this.#context.number, why: 'stall' });
  }

  /**
   * `stuck`: the client has read nothing since the last look, so it is too slow. Bytes written meanwhile do not count.
   */
  measured(readBytes: number, out: Effects): 'first' | 'progress' | 'stuck' {
    if (!this.#isCongested) return 'progress';
    const before = this.#readBytes;
    this.#readBytes = readBytes;
    if (before < 0) return 'first';
    if (readBytes <= before) return 'stuck';
    out.arm('stall', this.#context.options.limits.stallMs);
    return 'progress';
  }
}
