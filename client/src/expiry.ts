import type { Ports } from './ports.ts';
import { epochMs } from './time.ts';

/** Timers of platforms do not reach further than three weeks. */
const STEP_MS = 3_600_000;

/** Tells when a token should be replaced: when four fifths of its time are over. */
export class Expiry {
  readonly #ports: Ports;
  readonly #due: () => void;
  /** What to add to one's own clock to have the server's. */
  #offset = 0;
  #cancel: (() => void) | undefined;

  constructor(ports: Ports, due: () => void) {
    this.#ports = ports;
    this.#due = due;
  }

  /** The server's time is known from the welcome alone. */
  serverTime(time: string): void {
    this.#offset = (epochMs(time) ?? 0) - this.#ports.now();
  }

  expires(at: string): void {
    this.stop();
    const end = epochMs(at);
    if (end === undefined) return;
    const now = this.#ports.now();
    const left = end - this.#offset - now;
    if (left > 0) this.#wait(now + left * 0.8);
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #wait(until: number): void {
    const left = until - this.#ports.now();
    if (left <= 0) return this.#due();
    this.#cancel = this.#ports.after(Math.min(left, STEP_MS), () => this.#wait(until));
  }
}
