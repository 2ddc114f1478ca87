import type { Ports } from '../ports.ts';

/** The time of one connection: what was begun in it and comes later is not heard, and its timers go with it. */
export class ConnectionScope {
  readonly #ports: Ports;
  readonly #timers = new Set<() => void>();
  #number = 0;

  constructor(ports: Ports) {
    this.#ports = ports;
  }

  end(): void {
    this.#number++;
    for (const cancel of this.#timers) cancel();
    this.#timers.clear();
  }

  /** The same function, which does nothing once this connection is over. */
  within<Args extends readonly unknown[]>(run: (...args: Args) => void): (...args: Args) => void {
    const number = this.#number;
    return (...args) => {
      if (number === this.#number) run(...args);
    };
  }

  after(ms: number, run: () => void): void {
    const cancel = this.#ports.after(ms, () => {
      this.#timers.delete(cancel);
      run();
    });
    this.#timers.add(cancel);
  }
}
