import type { Asks } from './asks.ts';
import type { Cell } from './cell.ts';
import type { Deliveries } from './deliveries.ts';
import { ANY_LIFE, type Envelope } from './mailbox.ts';
import type { Clock } from './ports/clock.ts';
import type { DeadLetterReason, Effect, Turn } from './ports/actor.ts';
import type { Telemetry } from './ports/telemetry.ts';
import type { Observer } from './observer.ts';
import { judge, POISON_CRASHES } from './restart-policy.ts';
import type { TimerWheel } from './timers.ts';

/** The timer of a cell between two lives; no behaviour can name it. */
export const REVIVE = '\0revive';

interface Parts {
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly wheel: TimerWheel;
  readonly asks: Asks;
  readonly deliveries: Deliveries;
  readonly turnOf: (cell: Cell) => Turn;
  readonly perform: (cell: Cell, effects: readonly Effect[]) => void;
  readonly enqueue: (cell: Cell) => void;
  readonly observer: Observer | undefined;
}

/**
 * Beginnings and ends of actors (D5).
 *
 * - An actor whose step threw never goes on with the state it had: either its next life starts from nothing, or it is over.
 * - Whoever waits for its answer is told; what waits in its mailbox goes to the next life, or is a dead letter.
 */
export class Supervision {
  readonly #parts: Parts;
  #generations = 0;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  start(cell: Cell, init: unknown, restarted: boolean): void {
    if (!restarted) cell.generation = ++this.#generations;
    let effects: readonly Effect[];
    try {
      const birth = { address: cell.address, id: cell.id, init, restarted };
      [cell.state, effects] = cell.behaviour.start(birth, this.#parts.turnOf(cell));
    } catch (error) {
      return this.crashed(cell, undefined, error);
    }
    this.#parts.perform(cell, effects);
    this.#parts.observer?.started(cell, effects);
  }

  /** The next life of an actor that crashed, after its pause. */
  revive(cell: Cell): void {
    cell.status = 'running';
    this.start(cell, undefined, true);
    this.#parts.enqueue(cell);
  }

  stop(cell: Cell, reason: DeadLetterReason): void {
    const { asks, deliveries } = this.#parts;
    cell.status = 'stopped';
    this.#parts.observer?.stopped(cell);
    cell.state = undefined;
    cell.life++;
    this.#disarmAll(cell);
    deliveries.cells.remove(cell);
    if (cell.owes > 0) asks.failTaken(cell.address, reason);
    if (cell.mailbox.size > 0) this.#inherit(cell);
    cell.whenDrained?.();
    cell.whenDrained = undefined;
  }

  /** What waits for an actor that is done begins its next life, if it is one that starts by itself. */
  #inherit(cell: Cell): void {
    const { deliveries } = this.#parts;
    for (let letter = cell.mailbox.shift(false); letter; letter = cell.mailbox.shift(false)) {
      if (letter.timer) deliveries.letters.stale++;
      else if (letter.life !== ANY_LIFE || cell.behaviour.placement === 'socket')
        deliveries.bury(letter, cell.address, 'stopped');
      else {
        deliveries.letters.moved++;
        deliveries.deliver(cell.address, letter, 'system');
      }
    }
  }

  crashed(cell: Cell, letter: Envelope | undefined, error: unknown): void {
    const { telemetry, deliveries, asks } = this.#parts;
    telemetry.count('actor_crashes', 1);
    telemetry.log('error', 'actor crashed', {
      address: cell.address,
      message: (letter?.message as { type?: unknown } | undefined)?.type ?? 'start',
      error: error instanceof Error ? (error.stack ?? error.message) : String(error),
    });
    if (cell.behaviour.supervision === 'stop') {
      if (letter) deliveries.bury(letter, cell.address, 'crashed');
      this.#sayLastWords(cell);
      return this.stop(cell, 'crashed');
    }
    this.#disarmAll(cell);
    cell.life++;
    cell.generation = ++this.#generations;
    cell.isHeld = false;
    cell.state = undefined;
    if (letter) this.#tryAgainOrBury(cell, letter);
    if (cell.owes > 0) asks.failTaken(cell.address, 'crashed');
    cell.owes = 0;
    this.#pause(cell);
  }

  #pause(cell: Cell): void {
    const { clock, deliveries, wheel } = this.#parts;
    const verdict = judge(cell.crashedAt ?? [], clock.now());
    cell.status = verdict.status;
    cell.crashedAt = verdict.crashedAt;
    cell.timers = [wheel.arm(cell, REVIVE, verdict.delayMs)];
    if (verdict.status !== 'quarantined') return;
    for (let letter = cell.mailbox.shift(false); letter; letter = cell.mailbox.shift(false)) {
      if (letter.timer) deliveries.letters.stale++;
      else deliveries.bury(letter, cell.address, 'quarantined');
    }
  }

  /** A message that crashed its actor is given to the next life once more; results of the life that crashed are not. */
  #tryAgainOrBury(cell: Cell, letter: Envelope): void {
    letter.crashes++;
    const { deliveries } = this.#parts;
    if (letter.life !== ANY_LIFE || letter.timer) {
      deliveries.letters.crashed++;
      return;
    }
    if (letter.crashes >= POISON_CRASHES) return deliveries.bury(letter, cell.address, 'poison');
    const ask = letter.ask > 0 ? this.#parts.asks.get(letter.ask) : undefined;
    if (ask) {
      // Nothing of the step was carried out, so the request counts as never taken.
      ask.isTaken = false;
      cell.owes--;
    }
    cell.mailbox.unshift(letter);
  }

  #sayLastWords(cell: Cell): void {
    try {
      this.#parts.perform(cell, cell.behaviour.lastWords?.(cell.state, this.#parts.turnOf(cell)) ?? []);
    } catch (error) {
      this.#parts.telemetry.log('error', 'last words failed', {
        address: cell.address,
        error: String(error),
      });
    }
  }

  #disarmAll(cell: Cell): void {
    for (const timer of cell.timers ?? []) this.#parts.wheel.disarm(timer);
    cell.timers = undefined;
  }
}
