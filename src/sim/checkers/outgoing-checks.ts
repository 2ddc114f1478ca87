import { WEIGHTS } from '../../actors/connection/weights.ts';
import { CLOSE_CODES } from '../../protocol/codes.ts';
import { WIRE_LIMITS } from '../../protocol/limits.ts';
import type { StoreCallName } from '../../runtime/ports/log-store.ts';
import type { ActorSystem } from '../../runtime/system.ts';
import type { Violate } from '../kit/violation.ts';

/** More than a batch of a simulation has. */
const BATCH_BYTES = 64 * 1024;

const BESIDE_BREAKER: ReadonlySet<StoreCallName> = new Set([
  'ping',
  'renew',
  'endLeases',
  'declareDead',
  'view',
  'changeView',
]);

export interface OutgoingLimits {
  readonly outboundMaxBytes: number;
  /** Per connection, in the weights of its requests. */
  readonly inFlightMax: number;
}

/** Checks what one process sends to the outside. */
export class OutgoingChecks {
  readonly #violate: Violate;
  readonly #bufferedMax: number;
  /** The times at which clients of a drain may return. Each client has its own (CL2). */
  readonly #slots = new Set<string>();

  constructor(violate: Violate, { outboundMaxBytes, inFlightMax }: OutgoingLimits) {
    this.#violate = violate;
    // Past the limit the node reads no more requests, but it answers those that it has read (LM7): as many of the heaviest
    // as a connection may have open, each with the largest result (RQ6). One batch comes on top.
    const replies = Math.ceil(inFlightMax / WEIGHTS.history) * WIRE_LIMITS.historyBytesMax;
    this.#bufferedMax = outboundMaxBytes * 2 + BATCH_BYTES + replies;
  }

  /** Invariant 18: an open breaker passes only its probe. Leases do not use it. */
  called(name: StoreCallName, system: ActorSystem): void {
    const cell = system.cell('log');
    const [breaker] = cell?.state === undefined ? [] : (cell.behaviour.chartStates?.(cell.state) ?? []);
    if (breaker?.state.name.startsWith('open') && !BESIDE_BREAKER.has(name))
      this.#violate(18, `the breaker is ${breaker.state.name}, and lets ${name} through`);
  }

  /** Invariant 17: only a leaving node sends its clients away, and no two to the same moment. */
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

  /** Invariant 13. */
  buffered(connection: number, bytes: number): void {
    if (bytes > this.#bufferedMax) this.#violate(13, `connection ${connection} has ${bytes} bytes waiting`);
  }
}
