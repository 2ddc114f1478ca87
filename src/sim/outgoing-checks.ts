import { CLOSE_CODES } from '../protocol/codes.ts';
import type { StoreCallName } from '../runtime/ports/log-store.ts';
import type { ActorSystem } from '../runtime/system.ts';
import type { Violate } from './violation.ts';

/** What one process hands to the outside, held against what it may. */
export class OutgoingChecks {
  readonly #violate: Violate;
  readonly #outboundMaxBytes: number;
  /** When clients that were told to go may come back: each has its own time (CL2). */
  readonly #slots = new Set<string>();

  constructor(violate: Violate, outboundMaxBytes: number) {
    this.#violate = violate;
    this.#outboundMaxBytes = outboundMaxBytes;
  }

  /** Invariant 18: an open breaker lets nothing but its probe through. */
  called(name: StoreCallName, system: ActorSystem): void {
    const cell = system.cell('log');
    const [breaker] = cell?.state === undefined ? [] : (cell.behaviour.lives?.(cell.state) ?? []);
    if (breaker?.state.name.startsWith('open') && name !== 'ping')
      this.#violate(18, `the breaker is ${breaker.state.name}, and lets ${name} through`);
  }

  /** Invariant 17: only a node that leaves sends its clients away, and no two to the same moment. */
  closing(
    connection: number,
    how: { readonly code: number; readonly reason: string; readonly isDraining: boolean },
  ): void {
    const { code, reason, isDraining } = how;
    if (code !== CLOSE_CODES.draining) return;
    if (!isDraining || this.#slots.has(reason))
      this.#violate(17, `connection ${connection} is sent away with ${reason}, as another one is`);
    this.#slots.add(reason);
  }

  /** Invariant 13: replies of what was under way may come on top of the limit, and so may one batch (LM7). */
  buffered(connection: number, bytes: number): void {
    const most = this.#outboundMaxBytes * 2 + 320 * 1024;
    if (bytes > most) this.#violate(13, `connection ${connection} has ${bytes} bytes waiting`);
  }
}
