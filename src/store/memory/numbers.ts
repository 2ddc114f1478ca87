/** The numbers of changes of rights, in the order of commits (D25). `wall` is the database's clock. */
export class Numbers {
  readonly #wall: () => number;
  /** The newest one. */
  last = 0;

  constructor(wall: () => number) {
    this.#wall = wall;
  }

  /** A number is at least the time, so that none repeats one which a failover has lost. */
  draw(): number {
    this.last = Math.max(this.last + 1, Math.floor(this.#wall()));
    return this.last;
  }
}
