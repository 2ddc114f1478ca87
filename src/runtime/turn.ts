import type { Cell } from './cell.ts';
import type { Ports } from './perform.ts';
import type { ReplyTo, Turn } from './ports/actor.ts';

/** The one {@link Turn} object of a system. Each step fills it anew, so a step allocates nothing for it. */
export class MutableTurn implements Turn {
  self = '';
  step = 0;
  now = 0;
  replyTo: ReplyTo | undefined;
  deadline = Infinity;
  readonly #ports: Ports;

  constructor(ports: Ports) {
    this.#ports = ports;
  }

  of(cell: Cell, replyTo: ReplyTo | undefined, deadline: number): Turn {
    this.self = cell.address;
    this.step++;
    this.now = this.#ports.clock.now();
    this.replyTo = replyTo;
    this.deadline = deadline;
    return this;
  }

  get wall(): number {
    return this.#ports.clock.wall();
  }

  newId(): string {
    return this.#ports.entropy.uuid();
  }

  random(): number {
    return this.#ports.entropy.random();
  }
}
