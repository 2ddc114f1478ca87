import type { Channel } from '../../protocol/channels.ts';
import { relayAddress } from '../messages.ts';
import type { Outbox } from '../outbox.ts';
import type { ConnectionContext } from './context.ts';

/**
 * What happens when a client reads more slowly than it is sent (D10, LM7): no frames are taken from it, the relays
 * stop at what it refused, and when it has read they go on from the log. Without progress it is given up.
 */
export class Outbound {
  readonly #context: ConnectionContext;
  #isCongested = false;
  /** Of what was written, how much had been taken at the last look; negative before the first. */
  #readBytes = -1;

  constructor(context: ConnectionContext) {
    this.#context = context;
  }

  congested(out: Outbox): void {
    if (this.#isCongested) return;
    this.#isCongested = true;
    this.#readBytes = -1;
    this.#context.gate.hold('congested', out);
    out.count('slow_connections');
    out.add({ type: 'measure', connection: this.#context.number, why: 'stall' });
    out.arm('stall', this.#context.options.limits.stallMs);
  }

  drained(channels: Iterable<Channel>, out: Outbox): void {
    if (!this.#isCongested) return;
    this.#isCongested = false;
    out.disarm('stall');
    out.add({ type: 'reopen', connection: this.#context.number });
    for (const channel of channels)
      out.tell(relayAddress(channel), { type: 'catchUp', connection: this.#context.number });
    this.#context.gate.release('congested', out);
  }

  /** The stall timer: has anything been read since it was armed? */
  check(out: Outbox): void {
    if (this.#isCongested) out.add({ type: 'measure', connection: this.#context.number, why: 'stall' });
  }

  /** `stuck`: nothing was read since the last look, so the client is too slow. What was written meanwhile does not count. */
  measured(readBytes: number, out: Outbox): 'first' | 'progress' | 'stuck' {
    if (!this.#isCongested) return 'progress';
    const before = this.#readBytes;
    this.#readBytes = readBytes;
    if (before < 0) return 'first';
    if (readBytes <= before) return 'stuck';
    out.arm('stall', this.#context.options.limits.stallMs);
    return 'progress';
  }
}
