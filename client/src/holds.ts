import type { Ports } from './ports.ts';

/** Until when nothing is sent: to a room, or at all. */
export class Holds {
  readonly #ports: Ports;
  readonly #released: () => void;
  readonly #rooms = new Map<string, number>();
  #all = 0;
  #isOver = false;

  constructor(ports: Ports, released: () => void) {
    this.#ports = ports;
    this.#released = released;
  }

  isHeld(room: string): boolean {
    const now = this.#ports.now();
    return this.#all > now || (this.#rooms.get(room) ?? 0) > now;
  }

  /** Without a room: everything. The longest one counts. */
  hold(room: string | undefined, ms: number): void {
    const until = this.#ports.now() + ms;
    if (room === undefined) this.#all = Math.max(this.#all, until);
    else this.#rooms.set(room, Math.max(this.#rooms.get(room) ?? 0, until));
    this.#wake(until);
  }

  /** What was said about rooms was about the connection that is lost. */
  releaseRooms(): void {
    this.#rooms.clear();
  }

  end(): void {
    this.#isOver = true;
    this.#rooms.clear();
  }

  #wake(until: number): void {
    const now = this.#ports.now();
    this.#ports.after(Math.max(0, until - now), () => {
      if (this.#isOver) return;
      // A platform's timer may come a little early.
      if (this.#ports.now() < until) return this.#wake(until);
      for (const [room, end] of this.#rooms) if (end <= until) this.#rooms.delete(room);
      this.#released();
    });
  }
}
