import type { Ports } from '../ports.ts';

/** HTTP tells its time in whole seconds. */
const DATE_CUT_MS = 1_000;

/**
 * What time it is on the server. The device's clock that never falls may stand still while it sleeps, and its wall clock
 * may be set: by the first it is at least so late there, by the second perhaps later.
 */
export class ServerClock {
  readonly #ports: Ports;
  #offset: number | undefined;
  /** To the device's own wall clock, which is all there is before the server has said anything. */
  #wallOffset = 0;

  constructor(ports: Ports) {
    this.#ports = ports;
  }

  /** The server has said what time it is, in milliseconds since 1970. */
  heard(at: number | undefined): void {
    if (at === undefined) return;
    this.#offset = at - this.#ports.now();
    this.#wallOffset = at - this.#ports.wall();
  }

  /** As HTTP's `Date` says it, which is news only where it contradicts what is known. */
  heardDate(at: number | undefined): void {
    const known = this.atLeast;
    if (at === undefined || (known >= at && known <= at + DATE_CUT_MS)) return;
    this.heard(at);
  }

  /** Nothing is earlier; −Infinity while the server has said nothing. */
  get atLeast(): number {
    return this.#offset === undefined ? -Infinity : this.#ports.now() + this.#offset;
  }

  /** With the time that the device has slept. */
  get likely(): number {
    return Math.max(this.atLeast, this.#ports.wall() + this.#wallOffset);
  }
}
