import { Mailbox } from './mailbox.ts';
import type { Behaviour, Crashed } from './ports/actor.ts';
import type { Timer, TimerOwner, TimerWheel } from './timers.ts';

// The runtime does not know what a state is made of: it returns the state to the behaviour that made it.
export type AnyBehaviour = Behaviour<unknown, unknown, unknown>;

/**
 * Where a cell is in its lifecycle.
 * - `running`: it takes its turns.
 * - `restarting`: it crashed, and messages wait for its next generation.
 * - `quarantined`: it crashed too often and refuses messages for a while.
 * - `stopped`: it is over and never runs again. The next generation has a new cell.
 */
export type CellStatus = 'running' | 'restarting' | 'quarantined' | 'stopped';

/** What a cell calls when a timer is due. */
export interface CellHost {
  timerDue(cell: Cell, timer: Timer): void;
}

/** One actor as the runtime sees it. There is one per connection and room, so it has few fields. */
export class Cell implements TimerOwner {
  readonly address: string;
  readonly behaviour: AnyBehaviour;
  readonly mailbox: Mailbox;
  readonly #host: CellHost;
  state: unknown;
  /** The generation that crashed, until the next one has started from it. */
  crashed: Crashed<unknown> | undefined;
  status: CellStatus = 'running';
  /**
   * The number of this generation of the actor, unique on this node. Messages from other nodes name it (D13). A generation
   * does not get the results of calls that an earlier one made.
   */
  generation = 0;
  /** The cell is in the run queue. */
  isQueued = false;
  /** The actor takes system messages only. */
  isHeld = false;
  /** Asks that the actor has taken and not answered yet. */
  openReplies = 0;
  timers: Timer[] | undefined;
  /** The times of its recent crashes, on the monotonic clock. */
  crashedAt: number[] | undefined;
  /** Called once when few user messages wait, so that their sender can continue. */
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

  /** Arms a timer, which replaces the timer with the same name. */
  arm(wheel: TimerWheel, name: string, delayMs: number): void {
    this.disarm(wheel, name);
    const timer = wheel.arm(this, name, delayMs);
    // Most actors have one or two timers: a list that grows by `push` gets room for 17.
    this.timers = this.timers?.concat(timer) ?? [timer];
  }

  disarm(wheel: TimerWheel, name: string): void {
    const timer = this.timers?.find((one) => one.name === name);
    if (!timer) return;
    wheel.disarm(timer);
    this.dropTimer(timer);
  }

  /** Removes a timer that fired. False when it was disarmed or armed anew meanwhile. */
  dropTimer(timer: Timer): boolean {
    const at = this.timers?.indexOf(timer) ?? -1;
    if (at < 0) return false;
    this.timers?.splice(at, 1);
    return true;
  }
}
