import { Mailbox } from './mailbox.ts';
import type { Behaviour } from './ports/actor.ts';
import type { Timer, TimerOwner, TimerWheel } from './timers.ts';

// The runtime does not know what its actors are made of; the behaviour that made the state gets it back.
export type AnyBehaviour = Behaviour<unknown, unknown, unknown>;

/**
 * - `running`: takes its turns.
 * - `restarting`: crashed; messages wait for its next life.
 * - `quarantined`: crashed too often; messages are refused for a while.
 * - `stopped`: over. Never runs again; a new life is a new cell.
 */
export type CellStatus = 'running' | 'restarting' | 'quarantined' | 'stopped';

/** Who runs a cell. */
export interface CellHost {
  timerDue(cell: Cell, timer: Timer): void;
}

/** One actor as the runtime sees it. There is one per connection and room, so its fields are few. */
export class Cell implements TimerOwner {
  readonly address: string;
  readonly behaviour: AnyBehaviour;
  readonly mailbox: Mailbox;
  readonly #host: CellHost;
  state: unknown;
  status: CellStatus = 'running';
  /** Raised by every crash: what an earlier life has asked or called for is not told to the next. */
  life = 0;
  /** Which life of whatever is at this address this is, on this node: letters from other nodes name it (D13). */
  generation = 0;
  /** In the run queue. */
  isQueued = false;
  /** Takes system messages only. */
  isHeld = false;
  /** Asks that were taken and not answered yet. */
  owes = 0;
  timers: Timer[] | undefined;
  /** When it crashed lately, on the monotonic clock. */
  crashedAt: number[] | undefined;
  /** Called once when few user messages wait: who fills the mailbox may go on. */
  whenDrained: (() => void) | undefined;

  constructor(address: string, behaviour: AnyBehaviour, host: CellHost) {
    this.address = address;
    this.behaviour = behaviour;
    this.mailbox = new Mailbox(behaviour.mailboxMax, behaviour.systemMax);
    this.#host = host;
  }

  /** The address without its kind. */
  get id(): string {
    return this.address.slice(this.behaviour.kind.length + 1);
  }

  timerDue(timer: Timer): void {
    this.#host.timerDue(this, timer);
  }

  /** Arms a timer, instead of the one of that name. */
  arm(wheel: TimerWheel, name: string, delayMs: number): void {
    this.disarm(wheel, name);
    this.timers ??= [];
    this.timers.push(wheel.arm(this, name, delayMs));
  }

  disarm(wheel: TimerWheel, name: string): void {
    const timer = this.timers?.find((one) => one.name === name);
    if (!timer) return;
    wheel.disarm(timer);
    this.dropTimer(timer);
  }

  /** Takes a timer off the list; false when it is not on it (disarmed, or armed anew). */
  dropTimer(timer: Timer): boolean {
    const at = this.timers?.indexOf(timer) ?? -1;
    if (at < 0) return false;
    this.timers?.splice(at, 1);
    return true;
  }
}
