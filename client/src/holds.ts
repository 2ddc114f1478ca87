import { Era } from './era.ts';
import type { Ports } from './ports.ts';

/** Everything, what goes by REST, or a room. */
export type Held = 'all' | 'rest' | `room:${string}`;

/** Until when nothing is sent, and of what. */
export class Holds {
  readonly #ports: Ports;
  readonly #released: () => void;
  readonly #until = new Map<Held, number>();
  readonly #era: Era;

  /** `released`: something may be sent again. */
  constructor(ports: Ports, released: () => void) {
    this.#ports = ports;
    this.#released = released;
    this.#era = new Era(ports);
  }

  has(held: Held): boolean {
    return (this.#until.get(held) ?? 0) > this.#ports.now();
  }

  /** The longest one counts. */
  hold(held: Held, ms: number): void {
    this.#until.set(held, Math.max(this.#until.get(held) ?? 0, this.#ports.now() + ms));
    this.#watch();
  }

  /** What was said of what goes by REST says nothing of a connection. */
  connected(): void {
    this.#until.delete('rest');
  }

  /** What was said of rooms was said of the connection that is lost. */
  lost(): void {
    for (const held of this.#until.keys()) if (held.startsWith('room:')) this.#until.delete(held);
  }

  end(): void {
    this.#until.clear();
    this.#era.end();
  }

  /** One timer, for the first that is over. */
  #watch(): void {
    this.#era.end();
    if (this.#until.size === 0) return;
    const first = Math.min(...this.#until.values());
    this.#era.after(Math.max(0, first - this.#ports.now()), () => {
      const now = this.#ports.now();
      for (const [held, until] of this.#until) if (until <= now) this.#until.delete(held);
      this.#watch();
      this.#released();
    });
  }
}
