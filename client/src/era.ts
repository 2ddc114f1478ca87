import type { Ports } from './ports.ts';

/** The time of one connection: what was begun in it and comes later is not heard. */
export class Era {
  readonly #ports: Ports;
  #number = 0;

  constructor(ports: Ports) {
    this.#ports = ports;
  }

  end(): void {
    this.#number++;
  }

  /** The same function, which does nothing once this era is over. */
  within<Args extends readonly unknown[]>(run: (...args: Args) => void): (...args: Args) => void {
    const number = this.#number;
    return (...args) => {
      if (number === this.#number) run(...args);
    };
  }

  after(ms: number, run: () => void): void {
    this.#ports.after(ms, this.within(run));
  }
}
