import { backoffMs, PAUSE_MS } from './backoff.ts';
import type { Ports } from '../ports.ts';
import type { ServerClock } from './server-clock.ts';
import { epochMs } from '../wire/time.ts';

/** Timers of platforms do not reach further than three weeks. */
const STEP_MS = 3_600_000;

/** Tells when a connection's token should be replaced: when four fifths of its time are over, and again when that failed. */
export class TokenRenewal {
  readonly #ports: Ports;
  readonly #clock: ServerClock;
  readonly #due: () => void;
  #cancel: (() => void) | undefined;
  #isOn = false;
  /** How often in a row it could not be replaced. */
  #failures = 0;

  constructor(ports: Ports, clock: ServerClock, due: () => void) {
    this.#ports = ports;
    this.#clock = clock;
    this.#due = due;
  }

  expires(at: string): void {
    this.stop();
    const end = epochMs(at);
    if (end === undefined) return;
    this.#isOn = true;
    const now = this.#clock.likely;
    if (end > now) this.#wait(now + (end - now) * 0.8);
  }

  /** It could not be replaced. Until it is over, and the connection with it, that is tried again. */
  failed(): void {
    if (!this.#isOn) return;
    const growing = backoffMs(++this.#failures, () => this.#ports.random());
    this.#wait(this.#clock.likely + PAUSE_MS + growing);
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#isOn = false;
    this.#failures = 0;
  }

  #wait(until: number): void {
    const left = until - this.#clock.likely;
    if (left <= 0) return this.#due();
    this.#cancel?.();
    this.#cancel = this.#ports.after(Math.min(left, STEP_MS), () => this.#wait(until));
  }
}
